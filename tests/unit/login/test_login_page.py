"""The parser of a hub's login page, and its cookies."""

from __future__ import annotations

import pytest
from login_hub import LINK, form, shown
from loopback import within

from jhub.login.login_page import MAX_ERROR_LENGTH, Cookies, Form, Page, parse_page
from jhub.steps import Answer

OTP = '<label for="otp_input">OTP:</label><input id="otp_input" class="form-control" name="otp" />'
NATIVE = '<p>2FA code:</p><input type="text" name="2fa" placeholder="0 if you have none">'


def page(html: str | bytes) -> Page:
    return parse_page(shown(html))


def cookies(*lines: str, before: Cookies | None = None) -> dict[str, str]:
    """What is sent back after an answer that sets these."""
    after = (before or Cookies()).after(shown("", *lines))
    return {name: value for name, value in after.headers("https://x/") if name != "Referer"}


def test_a_form_is_parsed_with_its_hidden_fields() -> None:
    found = page(form(more='<input type="checkbox" name="terms" value="yes">'))
    assert found.form == Form("/hub/login?next=", {"_xsrf": "FIELD"}, None)
    assert (found.from_hub, found.error, found.location, found.status) == (True, "", "", 200)


@pytest.mark.parametrize(("more", "name"), [(OTP, "otp"), (NATIVE, "2fa")])
def test_a_second_factor_is_found_by_the_name_of_its_field(more: str, name: str) -> None:
    found = page(form(more=more)).form
    assert found is not None
    assert found.second_factor == name


@pytest.mark.parametrize(
    "html",
    [
        "",
        LINK,
        "<p>Service unavailable</p>",
        '<form method="post"><input name="username"></form>',
        '<form method="post"><input name="password"></form>',
        '<form method="get"><input name="username"><input name="password"></form>',
        '<form><input name="username"><input name="password"></form>',
        '<input name="username"><input name="password">',
        '<form method="post"><input name="username"></form><form method="post"><input name="password"></form>',
        '<!-- <form method="post"><input name="username"><input name="password"></form> -->',
        '<script>"<form method=post><input name=username><input name=password></form>"</script>',
    ],
)
def test_only_a_post_form_with_a_password_is_a_login_form(html: str) -> None:
    assert page(html).form is None


def test_the_first_form_with_a_password_counts() -> None:
    search = '<form action="/search" method="post"><input name="q"><input type="hidden" name="s" value="1"></form>'
    found = page(search + form() + form(action="/hub/other")).form
    assert found == Form("/hub/login?next=", {"_xsrf": "FIELD"}, None)


def test_entities_in_addresses_and_values_are_decoded() -> None:
    html = form(action="/hub/login?a=1&amp;next=%2Fhub%2F").replace("FIELD", "&quot;a&#38;b")
    assert page(html).form == Form("/hub/login?a=1&next=%2Fhub%2F", {"_xsrf": '"a&b'}, None)


def test_tags_and_attributes_may_be_in_capitals() -> None:
    html = "<FORM ACTION=/hub/login METHOD=POST><INPUT NAME=username><INPUT NAME=password></FORM>"
    assert page(html).form == Form("/hub/login", {}, None)


def test_an_unclosed_form_ends_with_the_page() -> None:
    assert page(form().partition("</form>")[0]).form == Form("/hub/login?next=", {"_xsrf": "FIELD"}, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Invalid username or password", "Invalid username or password"),
        ("\n   Too many\n\tattempts:&nbsp;wait\r\n ", "Too many attempts: wait"),
        ("&lt;b&gt; isn&#39;t &amp; won&rsquo;t", "<b> isn't & won\u2019t"),
        ("Ask <a href='/x'>the <b>help</b> desk</a>.", "Ask the help desk."),
        ("", ""),
    ],
)
def test_the_error_is_one_line_of_plain_text(text: str, said: str) -> None:
    assert page(form(error=text)).error == said


def test_the_error_ends_with_its_paragraph() -> None:
    assert page('<p class="alert login_error big">No.</p><p>Welcome</p>').error == "No."
    assert len(page(f'<input class="login_error">{"x" * 5000}').error) == MAX_ERROR_LENGTH


@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_a_redirect_has_a_location(status: int) -> None:
    found = parse_page(shown("", status=status, location="/hub/oauth_login?next="))
    assert (found.location, found.form) == ("/hub/oauth_login?next=", None)


def test_a_location_header_without_a_redirect_is_ignored() -> None:
    assert parse_page(shown(form(), location="https://elsewhere.example")).location == ""


def test_an_error_page_is_parsed() -> None:
    found = parse_page(shown(form(error="Invalid username or password"), status=403))
    assert (found.status, found.error) == (403, "Invalid username or password")


def test_a_hubs_page_has_its_header_or_its_cookie() -> None:
    assert parse_page(shown("", version="6.1.1")).from_hub
    assert parse_page(shown("", "_xsrf=X; Path=/hub/", version="")).from_hub
    assert not parse_page(shown(form(), "other=X", version="")).from_hub


@pytest.mark.parametrize(
    "odd", ["<![foo[ x", "<![ x", "<!x [<!>]", "<", "<a", "</", "<!--", "&#xffffffff;", "<?", "\0"]
)
def test_broken_html_around_the_form_is_ignored(odd: str) -> None:
    assert page(form() + odd).form is not None
    assert page(odd).form is None


def test_invalid_utf_8_does_not_hide_the_form() -> None:
    assert page(b"\xff\xfe\xe9" + form(error="gesch\u00fctzt").encode("latin-1")).form is not None
    assert page(form().encode("utf-16")).form is None


@pytest.mark.parametrize("part", ["<a ", "<!--", "<a b=<", "<a b='c' ", "<p>", '<a b="', "<![if", "</", "&", "x"])
def test_a_hostile_page_is_parsed_quickly(part: str) -> None:
    """Closing Python's parser takes a minute and a half for 60 kB of the first."""
    assert within(lambda: page(form() + part * 15_000)).form is not None


def test_only_the_beginning_of_a_huge_page_is_parsed() -> None:
    assert len(page(form() + "x" * 3_000_000).text) < 2_000_000
    assert page("x" * 3_000_000 + form()).form is None


def test_cookies_are_sent_back_unchanged_and_without_attributes() -> None:
    lines = (
        "_xsrf=X1; Path=/hub/; Max-Age=3600",
        "jupyterhub-session-id=S; Expires=Wed, 01 Jan 2031 00:00:00 GMT; HttpOnly; Path=/",
        "a=b=c==; Secure; SameSite=None",
    )
    assert cookies(*lines) == {"Cookie": "_xsrf=X1; jupyterhub-session-id=S; a=b=c==", "X-XSRFToken": "X1"}


@pytest.mark.parametrize(
    "attributes", ["Partitioned", "Priority=High", "Path=/; Unheard-Of", "expires=garbage", ";;", "=;="]
)
def test_unknown_attributes_neither_hide_a_cookie_nor_become_one(attributes: str) -> None:
    assert cookies(f"a=1; {attributes}") == {"Cookie": "a=1"}


@pytest.mark.parametrize("value", ['{"x":1}', "a b", "a,b", "a[0]", "a@b/c?d", "%7B%7D", "'q'"])
def test_nonstandard_values_are_sent_back_unchanged(value: str) -> None:
    assert cookies(f"gateway={value}; Path=/") == {"Cookie": f"gateway={value}"}


def test_a_quoted_value_is_sent_quoted_and_decoded_for_the_xsrf_header() -> None:
    """As tornado quotes what holds a semicolon, a quote or a backslash."""
    assert cookies(r'_xsrf="a\073b\"c\\d="; Path=/hub/') == {
        "Cookie": r'_xsrf="a\073b\"c\\d="',
        "X-XSRFToken": r'a;b"c\d=',
    }


def test_a_value_that_would_break_a_header_is_dropped() -> None:
    assert "X-XSRFToken" not in cookies(r'_xsrf="a\012X-Evil: 1"')


def test_a_newer_cookie_replaces_an_older_one() -> None:
    old = Cookies().after(shown("", "_xsrf=OLD; Path=/hub/", "kept=1"))
    assert cookies("_xsrf=NEW; Path=/hub/", before=old) == {"Cookie": "_xsrf=NEW; kept=1", "X-XSRFToken": "NEW"}


@pytest.mark.parametrize(
    "line",
    [
        'c=""; expires=Sat, 23 Nov 2024 03:15:58 GMT; Path=/',
        "c=; Path=/",
        "c",
        "c=deleted; Max-Age=0",
        "c=deleted; max-age=-1; Path=/",
        "c=deleted; Path=/; MAX-AGE = 0",
    ],
)
def test_an_expired_cookie_is_removed(line: str) -> None:
    old = Cookies().after(shown("", "c=1", "kept=1"))
    assert cookies(line, before=old) == {"Cookie": "kept=1"}
    assert "c" not in Cookies().after(shown("", line))


@pytest.mark.parametrize("line", ["c=1; Max-Age=3600", "c=1; Max-Age=01", "c=1; Max-Age=", "c=0"])
def test_a_cookie_with_a_lifetime_is_kept(line: str) -> None:
    assert "c" in Cookies().after(shown("", line))


@pytest.mark.parametrize(
    "line",
    ["", ";", "=", "=x", "; Path=/", "a b=1", "caf\u00e9=1", "c=caf\u00e9", "c=a\x01b", "c=\u2028", f"c={'x' * 5000}"],
)
def test_an_invalid_cookie_is_dropped_and_the_next_one_kept(line: str) -> None:
    assert cookies(line, "good=1") == {"Cookie": "good=1"}


def test_without_cookies_only_the_referer_is_sent() -> None:
    assert Cookies().headers("https://x/hub/login") == (("Referer", "https://x/hub/login"),)


def test_an_answer_does_not_change_earlier_cookies() -> None:
    before = Cookies().after(shown("", "a=1"))
    before.after(shown("", "a=2", "b=1"))
    assert before.headers("r") == (("Referer", "r"), ("Cookie", "a=1"))


def test_no_repr_shows_a_cookie_value() -> None:
    answer = Answer(
        302,
        {"set-cookie": "_xsrf=SECRET\nb=SECRET", "location": "https://sso.example/?state=SECRET"},
        form(more='<input type="hidden" name="h" value="SECRET">').replace("FIELD", "SECRET").encode(),
    )
    found = parse_page(answer)
    assert found.form is not None
    assert repr(found.cookies) == "Cookies(_xsrf, b)"
    for value in (found, found.form, found.cookies, answer):
        assert "SECRET" not in repr(value)
