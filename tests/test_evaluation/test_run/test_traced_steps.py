"""Measurements after every step of an attack."""


def test_convergence_measures_every_step(run_tool, tmp_path):
    suite = tmp_path / 'suite.py'
    suite.write_text("robustness = dict(steps=[4], trace=True, attacks=["
                     "dict(attack=dict(type='PGD')),"
                     "dict(attack=dict(type='SegPGD'))])")
    results = run_tool('--suite', suite)
    plain = run_tool('--attacks', 'PGD', 'SegPGD', '--steps', 2, 4,
                     out=tmp_path / 'plain')['attacks']
    for traced, short, full in zip(results['attacks'], plain[::2],
                                   plain[1::2]):
        curve = traced['curve']
        assert [p['step'] for p in curve] == [1, 2, 3, 4]
        assert curve[3]['mIoU'] == traced['mIoU'] == full['mIoU']
        # Only a schedule that does not look ahead tells of shorter runs.
        same = curve[1]['mIoU'] == short['mIoU']
        assert traced['curve_is_of_shorter_runs'] == (
            traced['name'] == 'PGD') and (same or traced['name'] != 'PGD')
