"""Templates do what Go's text/template does with the same text."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debrepo.errors import Cancelled, InvalidInput
from debrepo.stopping import Watch, watching
from debrepo.templates import parse

DATA = {
    "Package": "hello",
    "Version": "2.10-3",
    "Pre-Depends": "libc6",
    "Section": "",
    "Size": 1234,
    "Tags": ["a", "b"],
    "Sub": {"Name": "x", "Other": "y"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain text }} {", "plain text }} {"),
        ("{{.Package}}_{{ .Version }}", "hello_2.10-3"),
        ("{{.Missing}}", "<no value>"),
        ('{{index . "Pre-Depends"}}', "libc6"),
        ('{{index . "Not-There"}}', "<no value>"),
        ("{{.Sub.Name}} {{.Sub.Missing}} {{.Missing.Deeper}}", "x <no value> <no value>"),
        ("a {{- .Package -}} b", "ahellob"),
        ("a {{- /* nothing */ -}} b", "ab"),
        ("{{/* nothing */}}a", "a"),
        ('{{`raw \\n`}} {{"tab\\t\\"quoted\\""}}', 'raw \\n tab\t"quoted"'),
        ("{{if .Section}}a{{else}}b{{end}}", "b"),
        ("{{if .Package}}a{{end}}", "a"),
        ("{{if .Section}}a{{else if .Package}}b{{else}}c{{end}}", "b"),
        ("{{with .Sub}}{{.Name}}{{end}}{{with .Section}}a{{else}}b{{end}}", "xb"),
        ("{{with $x := .Sub}}{{$x.Name}}{{$.Package}}{{end}}", "xhello"),
        ("{{range .Tags}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $i, $t := .Tags}}{{$i}}{{$t}}{{end}}", "0a1b"),
        ("{{range $k, $v := .Sub}}{{$k}}={{$v}};{{end}}", "Name=x;Other=y;"),
        ("{{range .Missing}}a{{else}}none{{end}}", "none"),
        ("{{$x := .Package}}{{$x}}{{$x = .Version}}{{$x}}", "hello2.10-3"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{$x := 3}}{{end}}{{$x}}", "2"),
        (
            '{{printf "%-8s|%8s|%5.2s|%q" .Package .Package .Package .Package}}',
            'hello   |   hello|   he|"hello"',
        ),
        (
            '{{printf "%d %05d %x %v %t%% %s" .Size .Size .Size .Tags true}}',
            "1234 01234 4d2 [a b] true% %!s(MISSING)",
        ),
        ('{{.Package | printf "%s-%s" .Version}}', "2.10-3-hello"),
        ("{{.Package | len}} {{len .Tags}} {{slice .Package 1 3}}", "5 2 el"),
        ('{{if eq .Package "x" "hello"}}a{{end}}{{if ne .Size 1}}b{{end}}', "ab"),
        ("{{if and .Package (not .Section)}}a{{end}}{{or .Section .Version}}", "a2.10-3"),
        (
            '{{if lt .Size 2000}}a{{end}}{{if ge .Version "2.10"}}b{{end}}{{le 1 1}}{{gt 1 1}}',
            "abtruefalse",
        ),
        ('{{print "a" "b" 1 2 "c"}}{{println 1 "x"}}', "ab1 2c1 x\n"),
        ('{{html "<a>"}} {{urlquery "a b"}}', "&lt;a&gt; a+b"),
        ("{{.Tags}} {{.Sub}}", "[a b] map[Name:x Other:y]"),
    ],
)
def test_template_gives(text, expected):
    assert parse(text).render(DATA) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{.Package", r"template, column 1: this action is never closed"),
        ("ab {{end}}", r"template, column 6: end without a beginning"),
        ("{{if .Package}}a", r"template, column 3: this if has no end"),
        ("{{if .Package}}a{{else}}b{{else}}c{{end}}", r"this if has no end"),
        ("{{}}", r"column 1: there is nothing in this action"),
        ("{{nope .}}", r"column 3: there is no function nope"),
        ("{{$x}}", r"column 3: there is no variable \$x"),
        ("{{$x = 1}}", r"there is no variable \$x"),
        ("{{.Package .Version}}", r"column 12: unexpected '.Version'"),
        ("{{not}}", r"column 3: wrong number of arguments for not"),
        ("{{.A | .B}}", r"column 8: only a function takes a value from a pipeline"),
        ("{{(.A}}", r"a \"\)\" is missing"),
        ("{{print )}}", r"unexpected '\)'"),
        ("{{.A |}}", r"a value is missing at the end of the action"),
        ("{{.A & .B}}", r"column 6: cannot read '& .B'"),
        ('{{"open}}', r"cannot read|never closed"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_column(text, message):
    with pytest.raises(InvalidInput, match=message):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{slice .Package 3 1}}",
        "{{index .Tags 9}}",
        '{{lt .Size "a"}}',
        "{{len 1}}",
        "{{range .Package}}{{end}}",
        '{{printf "%99999s" .Package}}',
    ],
)
def test_what_cannot_be_done_is_an_error(text):
    with pytest.raises(InvalidInput, match=r"^template"):
        parse(text).render(DATA)


@pytest.mark.parametrize("text", ["{{if .A}}" * 500, "{{" + "(" * 500, "{{" + "(" * 5000 + "1"])
def test_deep_nesting_is_an_error(text):
    with pytest.raises(InvalidInput, match=r"^template"):
        parse(text)


words = st.sampled_from(
    [
        "{{",
        "}}",
        "-",
        " ",
        ".",
        ".A",
        "if",
        "end",
        "else",
        "$x",
        ":=",
        '"s"',
        "1",
        "(",
        ")",
        "|",
        "eq",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(words, max_size=12).map("".join) | st.text(max_size=30))
def test_any_text_is_a_template_or_an_error(text):
    for template in (text, "{{" + text):
        with suppress(InvalidInput):
            parse(template).render(DATA)


def test_an_action_that_is_never_closed_is_found_out_at_once():
    with pytest.raises(InvalidInput, match=r"never closed"):
        parse("{{" + '"a"' * 5000)


@pytest.mark.parametrize(
    "text",
    [
        "{{$x := .Package}}" + "{{$x = print $x $x}}" * 40,
        "{{$x := .Package}}" + "{{$x = print $x $x}}" * 17 + "{{print" + " $x" * 5000 + "}}",
        "{{range $.Tags}}" * 40 + "x" + "{{end}}" * 40,
        "{{range $.Tags}}" * 40 + "{{.Section}}" + "{{end}}" * 40,
        '{{printf "%9999s" ""}}' * 200,
    ],
)
def test_template_makes_no_more_than_a_mebibyte(text):
    with pytest.raises(InvalidInput, match="makes more than 1048576 characters"):
        parse(text).render(DATA)


def test_template_that_makes_nothing_for_ever_can_be_stopped():
    watch = Watch()
    watch.allow(-1, "this takes too long")
    text = "{{range $.Tags}}" * 40 + "{{$x := 1}}" + "{{end}}" * 40
    with watching(watch), pytest.raises(Cancelled, match="too long"):
        parse(text).render(DATA)


def test_template_is_no_longer_than_anybody_writes_one():
    with pytest.raises(InvalidInput, match="has 65537 characters, and the limit is 65536"):
        parse("x" * 65537)
