"""Scripts that reproduce experiments on one machine or on Slurm.

They are run, with programs in place of the real ones that note how they were
called.
"""
import os
import subprocess

import pytest
from small_work import PSP, cell, strategies, transfer, work

from mmseg_rppgd.reproduce import Experiment
from mmseg_rppgd.reproduce.scripts import single_machine, slurm

NOTE = '''#!/usr/bin/env bash
name="$(basename "$0")"
echo "${CUDA_VISIBLE_DEVICES:--} $name $*" >> "$CALLS"
'''
# Hands out the numbers of jobs, and runs each task at once.
SBATCH = NOTE + '''
job=$(grep -c . "$CALLS")
cat > "job-$job.sh"
last=$(echo "$*" | sed 's/.*--array=0-\\([0-9]*\\).*/\\1/')
for task in $(seq 0 "$last"); do
    SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=$job bash "job-$job.sh" >&2 || exit
done
echo "$job"
'''
FAIL = NOTE + 'case "$*" in *Standard*) exit 3;; esac\n'


@pytest.fixture
def run(tmp_path):
    """Run a script; returns its exit code and the calls it made."""

    def run(script, **programs):
        folder = tmp_path / 'bin'
        folder.mkdir(exist_ok=True)
        for name, text in dict(dict(python=NOTE, torchrun=NOTE, srun=NOTE,
                                    sbatch=SBATCH), **programs).items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        calls = tmp_path / 'calls'
        calls.write_text('')
        env = {**os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}',
               'CALLS': str(calls)}
        env.pop('CUDA_VISIBLE_DEVICES', None)
        result = subprocess.run(['bash', '-c', script], cwd=tmp_path, env=env,
                                capture_output=True, text=True)
        return result.returncode, calls.read_text().splitlines()

    return run


def systems(calls):
    """Systems that calls measure, by the GPU that each sees."""
    return {tuple(call.split()[::len(call.split()) - 1]) for call in calls
            if '--systems' in call}


def test_one_machine_trains_then_measures_then_makes_tables(run):
    code, calls = run(single_machine([strategies(), transfer()],
                                     work(seeds=2)))
    assert code == 0
    assert ['torchrun' in call for call in calls] == 8 * [True] + 4 * [False]
    assert all('--nproc_per_node=4 -m mmseg_rppgd train mmseg' in call
               for call in calls[:8])
    assert systems(calls[8:11]) == {
        ('0', 'PSPNet/RP-PGD3-AT/VOC'), ('1', 'PSPNet/Standard/VOC'),
        ('2', 'DeepLabv3/CosPGD3-AT/VOC')}  # the surrogate has no number
    assert calls[-1] == ('- python -m mmseg_rppgd reproduce strategies '
                         'transfer --scale full --seeds 2 --out out --run')


def test_one_gpu_measures_one_after_the_other(run):
    code, calls = run(single_machine([strategies()],
                                     work('mini', out='o u t')))
    assert code == 0
    assert [call.split()[3:6:2] for call in calls] == [
        ['mmseg_rppgd', 'mmseg_rppgd::standard/pspnet_standard_r18-d8_1xb16-'
         '800_synthetic-shapes-64x64.py'],
        ['mmseg_rppgd', 'mmseg_rppgd::rppgd3_at/pspnet_rppgd3-at_r18-d8_1xb16'
         '-150_synthetic-shapes-64x64.py'],
        *3 * [['mmseg_rppgd', 'strategies']]]
    assert '--out o u t --run' in calls[-1]


def test_what_is_trained_is_skipped(run, tmp_path):
    folder = (tmp_path / 'out/trained/pspnet_rppgd3-at_r50-d8_4xb4-40k_'
              'voc12aug-512x512')
    for name, iteration in (('seed0', 40000), ('seed1', 4000)):
        (folder / name).mkdir(parents=True)
        (folder / name / 'last_checkpoint').write_text(
            f'/somewhere/iter_{iteration}.pth')
    _, calls = run(single_machine([strategies()], work(seeds=2)))
    trained = [call for call in calls if 'rppgd3-at' in call]
    assert len(trained) == 1 and 'randomness.seed=1' in trained[0]


def test_a_failed_training_stops_the_script(run):
    code, calls = run(single_machine([strategies()], work()),
                      torchrun=NOTE + 'exit 3\n')
    assert code == 3 and len(calls) == 1


def test_a_failed_measurement_lets_others_end_and_stops_the_script(run):
    code, calls = run(single_machine([strategies()], work()),
                      python=FAIL)
    assert code != 0
    assert len(systems(calls)) == len(calls[2:]) == 2  # no tables


def test_slurm_runs_arrays_that_wait_for_each_other(run, tmp_path):
    code, calls = run(slurm([strategies()], work(seeds=2), gpus=2,
                            options=['--partition=gpu', '--time=2-0']))
    assert code == 0
    train, *trainings, measure, _, _, tables, _ = [
        call[len('- '):] for call in calls]
    assert '--job-name=train --array=0-3 ' in train
    assert '--ntasks-per-node=2' in train and '--gres=gpu:2' in train
    assert '--output=out/slurm/train-%A_%a.txt' in train
    assert (tmp_path / 'out' / 'slurm').is_dir()
    assert '--dependency' not in train
    assert len(trainings) == 4 and all(
        call.startswith('srun --kill-on-bad-exit=1 python -u -m mmseg_rppgd '
                        'train mmseg') and '--launcher slurm' in call
        and 'train_dataloader.batch_size=8' in call for call in trainings)
    assert '--job-name=measure --array=0-1 ' in measure
    assert '--gres=gpu:1' in measure
    assert measure.endswith('--dependency=afterok:1')
    assert '--job-name=tables --array=0-0 ' in tables and 'gres' not in tables
    assert tables.endswith('--dependency=afterok:6')
    for submission in (train, measure, tables):
        assert '--partition=gpu --time=2-0' in submission


def test_slurm_trains_standard_models_first_where_others_need_them(run):
    code, calls = run(slurm([transfer()], work('mini')))
    assert code == 0
    submissions = [call for call in calls if 'sbatch' in call]
    assert [call.split('--job-name=')[1].split()[0]
            for call in submissions] == ['train_standard', 'train', 'measure',
                                         'tables']
    assert submissions[1].endswith('--dependency=afterok:1')
    assert ['_standard_' in call.split('load_from')[0] for call in calls
            if 'srun' in call] == [True, True, False, False]


def test_a_script_says_what_it_costs():
    for script in (single_machine, slurm):
        head = script([strategies()], work(seeds=3)).partition('set -e')[0]
        assert head.startswith(
            '#!/usr/bin/env bash\n# strategies at scale full, 3 seeds, on ')
        assert '2 systems, 6 trainings' in head
        assert '# An estimate, not a measurement' in head
        assert all(line.startswith('#') for line in head.splitlines())


def test_chosen_systems_make_no_tables(run):
    for script in (single_machine, slurm):
        text = script([strategies()], work(systems=['PSPNet/Standard']))
        _, calls = run(text)
        assert systems(calls)
        assert not any('rppgd3-at' in call or 'tables' in call
                       for call in calls)
        assert all('--systems' in call for call in calls
                   if 'reproduce' in call and 'sbatch' not in call)


def test_pictures_alone_are_measured_too(run):
    pictures = Experiment('figure', 'Figure', (), pictures=(
        cell('Standard', 'PGD', 3, model=PSP), ))
    _, calls = run(single_machine([pictures], work()))
    assert systems(calls) == {('0', 'PSPNet/Standard/VOC')}
