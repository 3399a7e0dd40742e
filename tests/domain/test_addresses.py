"""Addresses that can be written to are told from those that cannot, and none is shown whole."""

from email.headerregistry import Address
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.addresses import Mailable, is_mailable, masked, read_field
from domain.editions import Edition, reading_under

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
        "ada@example.com\n",
        "\tada@example.com\t",
        "Ada <ada@example.com>",
        "ada@example.com, bob@example.com",
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
        "ada@exa mple.com",
        "Ada <ada@example>",
        "Ada <>",
        "<ada@example.com",
        "ada <bob <ada@example.com>>",
        "ada@example.com bob@example.com",
        f"{'x' * 990}; ada@example.com",
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
        for each in read_field(text).recipients:
            assert Address(addr_spec=each.address).addr_spec == parseaddr(each.address)[1]
            assert each.address.isascii()


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
        ("Ada Byron <ada@example.com>", "a***@example.com"),
        ("ada@example.com; bob@example.org", "a***@example.com, b***@example.org"),
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
    assert len(masked(text)) <= 4 * len(text) + len("***")


# --- one way to read a field ------------------------------------------------------------------

MAILABLE: TypeAdapter[str] = TypeAdapter(Mailable)


@pytest.mark.parametrize(
    ("field", "recipients"),
    [
        ("sue@example.com", [("sue@example.com", "")]),
        ("  sue@example.com \n", [("sue@example.com", "")]),
        ("<sue@example.com>", [("sue@example.com", "")]),
        ("mailto:sue@example.com", [("sue@example.com", "")]),
        ("Sue Specialist <sue@example.com>", [("sue@example.com", "Sue Specialist")]),
        ("Sue Specialist<sue@example.com> ", [("sue@example.com", "Sue Specialist")]),
        ("Sue Specialist < sue@example.com >", [("sue@example.com", "Sue Specialist")]),
        ('"Sue Specialist" <sue@example.com>', [("sue@example.com", "Sue Specialist")]),
        ("'Sue Specialist' <sue@example.com>", [("sue@example.com", "Sue Specialist")]),
        ('"Specialist, Sue" <sue@example.com>', [("sue@example.com", "Specialist, Sue")]),
        ('"S. \\"Sue\\" S." <sue@example.com>', [("sue@example.com", 'S. "Sue" S.')]),
        ("Specialist, Sue <sue@example.com>", [("sue@example.com", "Specialist, Sue")]),
        ("Sué <sue@example.com>", [("sue@example.com", "Sué")]),
        ("a@x.org; b@y.org", [("a@x.org", ""), ("b@y.org", "")]),
        ("a@x.org,b@y.org", [("a@x.org", ""), ("b@y.org", "")]),
        ("a@x.org;", [("a@x.org", "")]),
        ("a@x.org; a@x.org", [("a@x.org", "")]),
        ("Ann A <a@x.org>; Bob, B <b@y.org>", [("a@x.org", "Ann A"), ("b@y.org", "Bob, B")]),
    ],
)
def test_a_field_is_read_whole(field: str, recipients: list[tuple[str, str]]) -> None:
    read = read_field(field)
    assert [tuple(each) for each in read.recipients] == recipients
    assert read.is_read_whole
    assert is_mailable(field)
    assert read_field(read.bare) == read_field(", ".join(address for address, _ in recipients))
    assert MAILABLE.validate_python(field) == read.bare


@pytest.mark.parametrize(
    ("field", "bare"),
    [
        ("a@x.org; call first", "a@x.org"),
        ("a@x.org, noemail@x.org", "a@x.org"),
        ("a@x.org; b@y", "a@x.org"),
        ("Sue, a@x.org", "a@x.org"),
        ("noemail@x.org", ""),
        ("", ""),
    ],
)
def test_what_is_not_read_whole_says_so_unless_it_is_empty(field: str, bare: str) -> None:
    read = read_field(field)
    assert read.bare == bare
    assert read.is_read_whole is (field == "")


@pytest.mark.parametrize(
    "field", ["a@x.org; call first", "noemail@x.org", "", "ada", "x" * 100_000]
)
def test_a_person_types_in_what_can_be_read_whole(field: str) -> None:
    with pytest.raises(ValidationError, match="write an e-mail address"):
        MAILABLE.validate_python(field)


def test_no_more_addresses_are_read_than_are_kept() -> None:
    many = "; ".join(f"{letter * 60}@example.com" for letter in "abcdefgh")
    read = read_field(many)
    assert [each.address[0] for each in read.recipients] == list("abcd")
    assert not read.is_read_whole
    with pytest.raises(ValidationError, match="write an e-mail address"):
        MAILABLE.validate_python(many)


def test_a_job_of_an_earlier_edition_reads_addresses_as_it_did() -> None:
    earlier = reading_under(Edition.TASKS_CLOSE_AT_EVERY_END)
    assert MAILABLE.validate_python(" ada@example.com ", context=earlier) == "ada@example.com"
    for later in ("Ada <ada@example.com>", "ada@example.com; bob@example.com", "ada@example.com\n"):
        with pytest.raises(ValidationError):
            MAILABLE.validate_python(later, context=earlier)


@given(st.lists(mailable, min_size=1, max_size=3, unique=True), st.sampled_from([", ", ";", " ; "]))
def test_several_addresses_are_all_read(addresses: list[str], separator: str) -> None:
    read = read_field(separator.join(f"Somebody <{address}>" for address in addresses))
    assert [each.address for each in read.recipients] == addresses
    assert read.is_read_whole


@given(st.text(alphabet='"<>,;@. \\\\ax', max_size=60))
def test_any_field_is_read_and_its_bare_form_reads_the_same(field: str) -> None:
    read = read_field(field)
    again = read_field(read.bare)
    assert [each.address for each in again.recipients] == [each.address for each in read.recipients]
    assert again.is_read_whole
