"""The page of a report: one file, by its text and in a real browser."""
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import EXECUTABLE, Browser
from small_reports import report_of
from test_tables import small_matrix, small_minimal
from tiny_results import CLASSES, HOSTILE, Examples, check, results_of

from mmseg_rppgd.evaluation.report.page.page import report_page

SCRIPT = '"quoted\' </script><script>document.title = 1</script>{{ 7 * 7 }}'
L2 = dict(type='BIM', norm='l2')
OPEN = ('document.querySelectorAll("details").forEach('
        'each => { each.open = true; })')


# ------------------------------------------------------------------- its text
def test_a_page_is_one_file_that_needs_no_other():
    report = report_of('PGD', 'SegPGD', matrix=small_matrix(),
                       minimal=small_minimal(0.1), notes=['A note.'])
    text = report_page(report)
    addresses = re.findall(r'(?:src|href)\s*=\s*["\']([^"\'$]+)', text)
    assert addresses and all(
        a.startswith(('data:', '#')) for a in addresses)
    assert 'http' not in re.sub(r'data:[^"]+', '', text)
    for table in report.tables:
        for line in [*table.rows, *table.summary]:
            for value in line:
                digits = 1 if hasattr(value, 'whole') else 2
                assert (f'{value:.{digits}f}' if isinstance(value, float) else
                        html.escape(str(value or '-'), quote=False)) in text
    assert '<p class="note">A note.</p>' in text
    assert 'id="alarm"' not in text


def test_the_top_is_the_sentence_of_the_model():
    text = report_page(report_of('PGD', available=101))
    top = text[text.index('<h1>'):text.index('<main')]
    words = html.unescape(re.sub(r'<[^>]+>', '', top))
    assert '<h1>tiny</h1>' in top and 'configs/' not in top
    assert re.search(r'tiny keeps \d+ % of its mIoU \(.* under the only '
                     r'attack at linf 8/255, PGD with 10 steps, on 3 of 101 '
                     r'images; that supports no claim of robustness: ', words)
    assert 'The only self-check passed' in words


def test_a_failed_check_is_loud():
    results = results_of([], checks=[check('a huge eps', False, 'why'),
                                     check()])
    text = report_page(report_of(results=results, indices=()))
    alarm = text[text.index('id="alarm"'):text.index('class="keeps"')]
    assert '1 of 2 self-checks failed' in alarm and '<li>why</li>' in alarm
    assert 'The other self-check passed' in text
    # A name says what should hold: told of a failure, it misleads.
    assert 'a huge eps' not in text


def test_intervals_are_at_the_bars_and_in_the_table():
    report = report_of('PGD')
    text, intervals = report_page(report), report.results.intervals
    for low, high in (intervals['clean']['mIoU'],
                      intervals['worst_case']['aAcc']):
        assert text.count(f'[{low:.1f}, {high:.1f}]') >= 2


def test_pictures_that_have_no_room_are_named(monkeypatch):
    from mmseg_rppgd.evaluation.report.page import pictures
    monkeypatch.setattr(pictures, 'MAX_EMBEDDED', 1)
    text = ' '.join(report_page(report_of('PGD', 'BIM')).split())
    assert ('too large: those of 1 more image and 1 more attacked image are '
            'in the folder panels') in text
    assert 'too large' not in report_page(report_of('PGD', indices=(0, )))


# --------------------------------------------------------------- in a browser
@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    if EXECUTABLE is None:
        pytest.skip('no Chromium is installed')
    found = Browser(tmp_path_factory.mktemp('profile'))
    yield found
    found.close()


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """Pages of several kinds, by name."""
    folder = tmp_path_factory.mktemp('pages')
    hostile = report_of('PGD', eps=('8/255', ), indices=(0, ))
    results = hostile.results
    results['model']['config'] = HOSTILE + SCRIPT
    results['dataset']['classes'][0] = SCRIPT
    results['checks'] = [check(detail=SCRIPT, passed=False)]
    for metrics in (results['clean'], *results['attacks']):
        metrics['per_class'][SCRIPT] = metrics['per_class'].pop('ground')
    hostile.clean.records[0]['image'] = SCRIPT
    many = results_of([])
    names = [f'a class with a long name, number {i}' for i in range(150)]
    many['dataset']['classes'] = names
    many['clean']['per_class'] = {
        name: float(i % 7) for i, name in enumerate(names)}
    reports = {
        'balls': report_of('PGD', 'SegPGD', L2, eps=('4/255', '8/255'),
                           steps=(1, 3), matrix=small_matrix(),
                           minimal=small_minimal(0.1)),
        'hostile': hostile,
        'clean': report_of(indices=(1, )),
        'classes': report_of(results=many, indices=()),
    }
    for name, report in reports.items():
        (folder / f'{name}.html').write_text(report_page(report))
    return {name: folder / f'{name}.html' for name in reports}


@pytest.mark.parametrize('name', ['balls', 'hostile', 'clean', 'classes'])
def test_pages_fit_every_window_offline(browser, pages, name):
    browser.requests.clear()
    for width in (320, 768, 1280, 1600):
        browser.open(pages[name], width, dark=width == 768)
        assert browser.run('document.documentElement.scrollWidth') <= width
    assert browser.errors == []
    assert {url.partition(':')[0] for url in browser.requests} <= {
        'file', 'data'}


@pytest.mark.parametrize('name, dark', [
    ('balls', False), ('balls', True), ('hostile', True), ('classes', False)])
def test_pages_are_accessible(browser, pages, name, dark):
    axe = pytest.importorskip('axe_core_python')
    browser.open(pages[name], 1280 if dark else 320, dark=dark)
    browser.run(OPEN)
    browser.run((Path(axe.__file__).parent / 'axe.min.js').read_text() + ';0')
    assert browser.run(
        'axe.run(document).then(found => found.violations.map(each => '
        '[each.id, each.nodes.map(node => node.html)]))') == []


def test_names_are_text(browser, pages):
    browser.open(pages['hostile'])
    title = browser.run('document.title')
    assert title.endswith('{{ 7 * 7 }}') and title != '1'
    assert browser.run('document.querySelectorAll("img[src=x]").length') == 0
    assert '{{ 7 * 7 }}' in browser.run(
        'document.querySelector("#accuracy").textContent')
    for place in ('#seen', '#alarm', '#iou-of-each-class tbody'):
        assert '</script><script>document.title = 1</script>{{ 7 * 7 }}' in (
            browser.run(f'document.querySelector("{place}").textContent'))


def column(browser, place, section='attacks'):
    return browser.run(
        f'[...document.querySelectorAll("#{section} tbody tr")]'
        f'.map(row => row.cells[{place}].textContent)')


def test_headings_sort_and_explain_themselves_by_keyboard(browser, pages):
    browser.open(pages['balls'])
    stops = browser.run('[...document.querySelectorAll("#attacks thead '
                        'button")].filter(b => b.tabIndex === 0).length')
    assert stops == 1
    browser.run('document.querySelector("#attacks thead button").focus()')
    browser.press(*['ArrowRight'] * 4, 'Enter')
    tip = browser.run('document.querySelector(".tip").textContent')
    assert tip.startswith('Mean over classes of intersection over union')
    up = [float(text.split()[0]) for text in column(browser, 4)]
    assert up == sorted(up) and len(up) == 13
    browser.press('Enter')
    assert [float(text.split()[0]) for text in column(browser, 4)] == up[::-1]
    assert browser.run('document.querySelector("#attacks [aria-sort]")'
                       '.getAttribute("aria-sort")') == 'descending'
    browser.press('Escape')
    assert browser.run('document.querySelector(".tip").hidden')
    browser.press('ArrowLeft', 'ArrowLeft', 'Enter')
    radii = [text.strip() for text in column(browser, 2)]
    assert radii[0] == '-' and [r for r in radii if r.endswith('255')] == [
        '4/255'] * 4 + ['8/255'] * 4


def test_columns_are_chosen(browser, pages):
    shown = ('[...document.querySelectorAll("#attacks thead th")]'
             '.filter(head => head.checkVisibility()).map(head => '
             'head.textContent)')
    browser.open(pages['balls'])
    assert 'CmIoU' in browser.run(shown)
    browser.run('document.querySelector("#attacks [type=checkbox]'
                '[data-spare]").click()')
    assert 'mAcc' not in browser.run(shown)
    browser.open(pages['balls'], 320)
    few = browser.run(shown)
    assert 'mIoU' in few and 'CmIoU' not in few
    browser.call('Emulation.setEmulatedMedia', media='print')
    assert 'CmIoU' in browser.run(shown)
    browser.call('Emulation.setEmulatedMedia', media='')


def test_rows_are_folded(browser, pages):
    rows = ('[...document.querySelectorAll("#iou-of-each-class tbody tr")]'
            '.filter(row => !row.hidden).length')
    click = 'document.querySelector("#iou-of-each-class .unfold").click()'
    browser.open(pages['classes'])
    assert browser.run(rows) == 30
    browser.run(click)
    assert browser.run(rows) == 150
    browser.run(click)
    assert browser.run(rows) == 30


def test_images_and_attacks_are_chosen(browser, pages):
    browser.open(pages['balls'])
    before = browser.run('document.querySelector("#accuracy").textContent')
    sources = ('[...document.querySelectorAll(".stage img")].map(i => i.src)')
    first = browser.run(sources)
    browser.run('document.querySelector(".thumbs input").focus()')
    browser.press('ArrowDown')  # a radio button: the next image
    after = browser.run('document.querySelector("#accuracy").textContent')
    assert after != before and '% under BIM l2' in after
    browser.run('const list = document.querySelector("#attack");'
                'list.selectedIndex = 2;'
                'list.dispatchEvent(new Event("change"))')
    chosen = browser.run('list.selectedOptions[0].textContent')
    assert browser.run('document.querySelector("#accuracy").textContent'
                       ).endswith(f'under {chosen}.')
    second = browser.run(sources)
    assert len(second) == 7 and not set(first) & set(second)
    widths = browser.run(
        'Promise.all([...document.querySelectorAll(".stage img")].map('
        'i => i.decode().then(() => i.naturalWidth)))')
    assert min(widths) >= 40
    shares = browser.run('[...document.querySelectorAll("#kinds span")]'
                         '.map(s => parseFloat(s.textContent))')
    assert sum(shares) == pytest.approx(100, abs=.3)


def test_the_slider_cuts_every_pair(browser, pages):
    browser.open(pages['balls'])
    browser.run('const cut = document.querySelector("#cut"); cut.value = 20;'
                'cut.dispatchEvent(new Event("input"))')
    clips = browser.run('[...document.querySelectorAll(".stage .over")].map('
                        'i => getComputedStyle(i).clipPath)')
    assert len(clips) == 2 and all('80%' in clip for clip in clips)


def test_pictures_are_enlarged_by_keyboard(browser, pages):
    name = 'document.querySelector("#zoom-name").textContent'
    is_open = 'document.querySelector("#zoom").open'
    legend = ('[...document.querySelectorAll("#zoom-legend li")].map('
              'item => item.textContent)')
    slider = 'document.querySelector("#zoom .slide").checkVisibility()'
    browser.open(pages['balls'])
    browser.run('document.querySelector("#flipped button").focus()')
    browser.press('Enter')
    assert browser.run(is_open) and browser.run(name) == 'What flipped'
    assert browser.run(legend) == browser.run(
        '[...document.querySelectorAll("#kinds li")].map('
        'item => item.textContent)')
    browser.press('ArrowLeft')
    assert browser.run(name).startswith('Prediction')
    assert sorted(browser.run(legend)) == sorted(CLASSES)
    assert browser.run(slider)
    browser.press('ArrowLeft')
    assert browser.run(legend) == []
    browser.press('ArrowRight', 'ArrowRight')
    assert not browser.run(slider)  # nothing lies above what flipped
    browser.press('Escape')
    assert not browser.run(is_open)
    assert browser.run('document.activeElement.closest("figure").id') == (
        'flipped')


def test_nothing_is_cut_in_print(browser, pages):
    browser.open(pages['balls'], 703)  # pixels between margins of A4
    browser.run(OPEN)
    browser.call('Emulation.setEmulatedMedia', media='print')
    wide = browser.run(
        '[...document.querySelectorAll("table, figure, .keep")].filter('
        'e => e.checkVisibility() && e.getBoundingClientRect().right > '
        'document.documentElement.clientWidth).length')
    browser.call('Emulation.setEmulatedMedia', media='')
    assert wide == 0


def test_the_first_stop_leads_to_the_content(browser, pages):
    browser.open(pages['balls'])
    browser.press('Tab', 'Enter')
    assert browser.run('document.activeElement.id') == 'content'


def test_legend_has_the_seen_classes_first(browser, pages):
    browser.open(pages['clean'])
    seen = browser.run('[...document.querySelectorAll("#seen li:not('
                       '[hidden])")].map(item => item.textContent)')
    data = json.loads(browser.run(
        'document.querySelector("#pictures").textContent'))
    assert seen == [CLASSES[i] for i in sorted(data['images'][0]['seen'])]


def test_the_legend_of_many_classes_is_short(browser, tmp_path):
    report = report_of('PGD', indices=(0, ))
    rng = np.random.default_rng(0)
    example = Examples(0).load('attacked', 0)
    for name in ('label', 'prediction'):
        setattr(example, name, rng.integers(150, size=example.label.shape))
    report.examples.load = lambda key, index: example
    names = report.results['dataset']['classes'] = list(map(str, range(150)))
    for metrics in (report.results['clean'], *report.results['attacks']):
        metrics['per_class'] = dict.fromkeys(names, 50.)
    report.palette = [[i, 0, 0] for i in range(150)]
    path = tmp_path / 'page.html'
    path.write_text(report_page(report))
    for script in ('0', 'const list = document.querySelector("#attack");'
                   'list.dispatchEvent(new Event("change"))'):
        browser.open(path)
        browser.run(script)
        first, folded = (browser.run(
            f'document.querySelectorAll("{place} li:not(#void)").length')
            for place in ('#seen', '#others'))
        assert first <= 32 and first + folded == 150
