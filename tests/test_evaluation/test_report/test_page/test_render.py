"""Templates, and the files that pages are made of."""
from mmseg_rppgd.evaluation.report.page.render import breakable, render

NAME = '</title><script>alert(1)</script>{{ 7 * 7 }} & "x"'


def test_a_page_escapes_what_it_is_given():
    text = render('base.html', title=NAME)
    assert '&lt;/title&gt;&lt;script&gt;' in text
    assert '{{ 7 * 7 }}' in text and text.count('<title>') == 1
    assert text.startswith('<!DOCTYPE html>')


def test_styles_and_scripts_are_inside_as_they_are():
    text = render('base.html', styles=['pictures.css'],
                  scripts=['pictures.js'], title='t')
    assert '.picture {' in text and '`${value.toFixed(1)} %`' in text
    assert 'src=' not in text and 'href="#' in text


def test_names_break_where_a_person_would_break_them():
    assert breakable('a_b/c<') == 'a_<wbr>b/<wbr>c&lt;'
