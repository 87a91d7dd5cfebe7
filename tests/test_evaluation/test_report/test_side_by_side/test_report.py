"""The files of a comparison, and what a browser makes of the page."""
import re
from pathlib import Path

import pytest
from browser import EXECUTABLE, Browser
from tiny_results import HOSTILE, check

from mmseg_rppgd.evaluation.report.side_by_side.report import FILES, SideBySide


def written(compared, folder):
    """Page and Markdown of a comparison."""
    compared.write(str(folder))
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    return [(folder / name).read_text() for name in FILES]


def test_files_hold_sentence_tables_and_where_from(side_by_side, tmp_path):
    compared = side_by_side(0.3, 0.6, steps=(3, 10))
    page, text = written(compared, tmp_path / 'new' / 'out')
    sentence, = compared.sentences
    assert text.startswith(sentence.text + '\n')
    for words in ('## mIoU in percent, 3 images', '| worst case | linf |',
                  '## Difference in mIoU to one', 'of a paired bootstrap',
                  '## IoU of each class', '| one, clean |', '## Reports',
                  'configs/tiny.py'):
        assert words in text
    assert sentence.strong in page and '<h1>one and two</h1>' in page
    for table in compared.tables:
        for row in [*table.rows, *table.summary]:
            for value in row[4:]:
                shown = f'{value:.2f}' if isinstance(value, float) else value
                assert shown in page and shown in text
    addresses = re.findall(r'(?:src|href)\s*=\s*["\']([^"\']+)', page)
    assert addresses == ['#content']


def test_failed_checks_are_loud(side_by_side, tmp_path):
    compared = side_by_side(0.5, 0.6, model=dict(
        checks=[check(passed=False), check()]))
    words = '1 self-check of one failed: do not believe its numbers'
    page, text = written(compared, tmp_path / 'out')
    assert words in page and 'id="alarm"' in page and words in text
    assert any(line.startswith(words) for line in compared.lines)


def test_what_was_left_out_is_said(side_by_side, tmp_path):
    compared = side_by_side(0.5, 0.6)
    compared.found.notes.append('Left out: <this>.')
    page, text = written(compared, tmp_path / 'out')
    assert 'Left out: &lt;this>.' in text and 'Left out: &lt;this&gt;.' in page


def test_names_are_escaped(side_by_side, tmp_path):
    page, text = written(side_by_side(
        0.5, 0.6, names=(HOSTILE, '</script>'), steps=(3, 10)),
        tmp_path / 'out')
    assert '<img src=x' not in page + text and '&lt;img src=x' in page
    assert page.count('</script>') == 2  # the two scripts of the page


@pytest.mark.parametrize('attacks', [(), ('PGD', )])
def test_reports_with_little_in_common_have_a_page_too(
        side_by_side, tmp_path, attacks):
    page, text = written(side_by_side(0.5, attacks=attacks), tmp_path / 'out')
    assert '<h1>one</h1>' in page and text.startswith('one ')


def test_a_name_for_two_models_is_refused(side_by_side):
    compared = side_by_side(0.5, 0.6)
    folders = [test.folder for test in compared.tests]
    with pytest.raises(ValueError, match='every model must have a name of '
                       'its own, but same names several'):
        SideBySide(['same', 'same'], folders, 'mIoU')


@pytest.mark.skipif(EXECUTABLE is None, reason='no Chromium is installed')
def test_page_in_a_browser(side_by_side, tmp_path):
    long = 'PSPNet-R50_RP-PGD7-AT_' * 4
    compared = side_by_side(
        0.5, 0.6, 0.55, names=('one', long, HOSTILE), attacks=(
            'PGD', 'BIM', dict(type='BIM', norm='l2')),
        eps=('4/255', '8/255'), steps=(3, 10))
    written(compared, tmp_path / 'out')
    browser = Browser(tmp_path / 'profile')
    try:
        for width in (320, 768, 1280, 1600):
            browser.open(tmp_path / 'out' / 'comparison.html', width)
            seen = browser.run('''({
              more: document.documentElement.scrollWidth -
                document.documentElement.clientWidth,
              fonts: [...document.querySelectorAll('.chart > svg')].map(
                s => parseFloat(getComputedStyle(s).fontSize) *
                  s.getBoundingClientRect().width / 480)})''')
            assert seen['more'] == 0, width
            assert len(seen['fonts']) == 8
            assert 9.5 <= min(seen['fonts']) and max(seen['fonts']) < 18
        widths = browser.run('''[...document.querySelectorAll(
          '.mini-rail')].map(rail => rail.clientWidth)''')
        assert len(widths) == 36 and max(widths) - min(widths) <= 1
        script = '''[...document.querySelectorAll('.models')].map(
          group => [...group.querySelectorAll('.kept')].map(
            bar => getComputedStyle(bar).backgroundColor))'''
        colours = browser.run(script)
        assert colours == 4 * [colours[0]] and len(set(colours[0])) == 3
        browser.open(tmp_path / 'out' / 'comparison.html', dark=True)
        assert browser.run(script) != colours
        line = browser.run('''getComputedStyle(document.querySelector(
          '.chart .series-0 .line')).stroke''')
        assert line in browser.run(script)[0]
        assert browser.errors == []
        assert [address for address in browser.requests
                if not address.startswith('file:')] == []
        axe = pytest.importorskip('axe_core_python')
        script = (Path(axe.__file__).parent / 'axe.min.js').read_text()
        for dark in (False, True):
            browser.open(tmp_path / 'out' / 'comparison.html', dark=dark)
            browser.run(script + ';0')
            assert browser.run(
                'axe.run(document).then(found => found.violations.map(each '
                '=> [each.id, each.nodes.map(node => node.html)]))') == []
    finally:
        browser.close()
