"""Addresses that can be written to are told from those that cannot, and none is shown whole."""

from email.headerregistry import Address
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import is_mailable, masked

LONGEST_LOCAL = "a" * 64
LONGEST_LABEL = "b" * 63

mailable = st.emails().map(lambda address: f"x{address}").filter(lambda it: it.index("@") <= 64)
"""Addresses of anybody whose name begins with an x: none of them a placeholder."""


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        " ada@example.com  ",
        "Ada.Byron@Example.COM",
        "ada+home@mail.example.co.uk",
        "o'hara_1815@example-mail.com",
        "a@b.co",
        "ada@7-eleven.com",
        "ada@xn--bcher-kva.example",
        "ada@example.xn--p1ai",
        f"{LONGEST_LOCAL}@example.com",
        f"ada@{LONGEST_LABEL}.com",
        f"ada@{'c.' * 123}com",
    ],
)
def test_an_address_can_be_written_to(address: str) -> None:
    assert is_mailable(address)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        " ",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "ada@home@example.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@example.com.",
        "ada@-example.com",
        "ada@example-.com",
        "ada@exam_ple.com",
        "ada@192.0.2.1",
        "ada@[192.0.2.1]",
        ".ada@example.com",
        "ada.@example.com",
        "ada..byron@example.com",
        "ada byron@example.com",
        '"ada byron"@example.com',
        "Ada <ada@example.com>",
        "ada@example.com, bob@example.com",
        "ada@exa mple.com",
        "ada@example.com\n",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada\x00@example.com",
        "ädä@example.com",
        "ada@exämple.com",
        "ada@example.٣٤",
        f"a{LONGEST_LOCAL}@example.com",
        f"ada@b{LONGEST_LABEL}.com",
        f"ada@{'c.' * 124}com",
    ],
)
def test_what_is_no_address_cannot(address: str | None) -> None:
    assert not is_mailable(address)


@pytest.mark.rule("G-44")
@pytest.mark.parametrize(
    "address",
    [
        "noemail@example.com",
        "NoEmail@Example.com",
        " noemail@example.com ",
        "no-email@example.com",
        "no_e-mail@example.com",
        "no.email.address@example.com",
        "noemail123@example.com",
        "nomail@example.com",
        "none@example.com",
        "no@example.com",
        "n/a",
        "N/A@example.com",
        "na@example.com",
        "nil@example.com",
        "null@example.com",
        "unknown@example.com",
        "noaddress@example.com",
        "no-reply@example.com",
        "not.provided@example.com",
        "notavailable@example.com",
        "ada@noemail.com",
        "ada@mail.no-email.org",
        "ada@home.invalid",
    ],
)
def test_a_placeholder_cannot(address: str) -> None:
    assert not is_mailable(address)


@pytest.mark.parametrize(
    "address",
    [
        "noel@example.com",
        "nona@example.com",
        "norma.mailer@example.com",
        "nadia@example.com",
        "knownone@example.com",
        "casanova@example.com",
        "noemailer@example.com",
        "anne@post.no",
        "ada@na.example.com",
        "ada@invalid-parts.com",
    ],
)
def test_a_name_that_looks_like_a_placeholder_is_none(address: str) -> None:
    assert is_mailable(address)


@given(mailable)
def test_every_ordinary_address_can_be_written_to(address: str) -> None:
    assert is_mailable(address)


@given(st.text() | mailable | st.text().map(lambda local: f"{local}@example.com"))
def test_what_can_be_written_to_is_an_address_to_mail_programs_too(text: str) -> None:
    if is_mailable(text):
        assert Address(addr_spec=text.strip(" ")).addr_spec == parseaddr(text)[1]
        assert text.isascii()


@given(mailable, st.sampled_from(["noemail", "none", "no", "n/a", "unknown"]))
def test_a_placeholder_is_one_at_every_domain(address: str, placeholder: str) -> None:
    assert not is_mailable(f"{placeholder}@{address.partition('@')[2]}")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@example.com", "a***@example.com"),
        (" Ada.Byron@mail.example.com ", "A***@mail.example.com"),
        ("a@b.co", "a***@b.co"),
        ("noemail@example.com", "n***@example.com"),
        ("", "***"),
        ("n/a", "***"),
        ("Ada Byron <ada@example.com>", "***"),
        ("ada@home@example.com", "***"),
    ],
)
def test_an_address_is_shown_without_whose_it_is(address: str, shown: str) -> None:
    assert masked(address) == shown


@given(mailable)
def test_of_an_address_only_one_letter_and_the_domain_are_shown(address: str) -> None:
    local, _, domain = address.partition("@")
    assert masked(address) == f"{local[0]}***@{domain}"


@given(st.text())
def test_what_is_shown_can_be_shown_again(text: str) -> None:
    assert masked(masked(text)) == masked(text)
    assert len(masked(text)) <= len(text) + len("***")
