"""The mails of the Alternate Provider Option say what the customer has to know, for every brand."""

import re

import pytest

from activities.previews import BRANDS, SAMPLES, preview, sample_context, sample_job
from activities.templating import render
from store.mail_queue import RenderedMail

LETTERS = sorted(template for template in SAMPLES if template.startswith("apo_"))
REMINDERS = [template for template in LETTERS if template.endswith("_reminder")]
OFFERS = ["apo_offer", "apo_offer_without_invoice", "apo_offer_reminder"]
MAILBOX = "supportingdocuments@cinchhs.com"
MOST_WORDS = 20
"""A longer sentence is read twice."""
WELCOME_KIT = "call us at the phone number in your Welcome Kit"


def letter(template: str, brand: str = BRANDS[0], **changes: str) -> RenderedMail:
    """The sample mail of a template, filled with something else where that is said."""
    context = sample_context(template, brand)
    assert changes.keys() <= context.keys()
    return render(template, "to@example.com", sample_job(brand), context | changes)


def paragraphs(mail: RenderedMail) -> list[str]:
    return mail.text.rstrip().split("\n\n")


@pytest.mark.rule("G-62")
def test_there_is_a_mail_for_everything_that_is_told_to_the_customer() -> None:
    assert LETTERS == [
        "apo_closing_without_proof",
        "apo_documents_incomplete",
        "apo_documents_reminder",
        "apo_estimate_approved",
        "apo_estimate_declined",
        "apo_instructions",
        "apo_instructions_reminder",
        "apo_invoice_reminder",
        "apo_offer",
        "apo_offer_reminder",
        "apo_offer_without_invoice",
        "apo_payment_by_check",
    ]


# --- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("template", LETTERS)
class TestEveryLetter:
    def test_is_the_brands_own(self, template: str, brand: str) -> None:
        mail = preview(template, brand)
        assert paragraphs(mail)[0] == "Hello Grace Hill,"
        assert paragraphs(mail)[-1] == f"Kind regards,\n{brand}"
        assert mail.html.count(f"<p>Kind regards,<br>{brand}</p>") == 1
        others = [*set(BRANDS) - {brand}, "Steward"]
        assert not any(other in mail.subject + mail.text + mail.html for other in others)

    def test_leaves_no_gap_to_be_filled(self, template: str, brand: str) -> None:
        mail = preview(template, brand)
        for said in (mail.subject, mail.text, re.sub(r"<style.*?</style>|<[^>]+>", "", mail.html)):
            assert re.search(r"[{}<>\[\]]|%|None|  |\n\n\n|\bTODO\b|\.\.\.", said.strip()) is None

    def test_names_the_job_and_nobody_in_its_subject(self, template: str, brand: str) -> None:
        mail, job = preview(template, brand), sample_job(brand)
        assert job.customer is not None
        assert job.job_id in mail.subject
        assert job.job_id in mail.text
        personal = [job.customer.email, job.customer.zip, *(job.customer.name or "").split()]
        assert not any(each and each in mail.subject for each in personal)

    @pytest.mark.rule("APO-06")
    def test_gives_the_welcome_kits_number_as_the_one_to_call(
        self, template: str, brand: str
    ) -> None:
        mail = preview(template, brand)
        assert WELCOME_KIT.casefold() in mail.text.casefold()
        assert re.search(r"\d{3}\W{1,2}\d{3,4}", mail.text) is None, "a telephone number"

    def test_begins_its_subject_with_what_to_do_and_ends_it_with_the_job(
        self, template: str, brand: str
    ) -> None:
        subject = preview(template, brand).subject
        assert subject.split()[0] in {"Call", "No", "Schedule", "Send", "Tell"}
        assert subject.removesuffix("?").endswith(f" for service job {sample_job(brand).job_id}")

    def test_is_warm_and_in_short_sentences(self, template: str, brand: str) -> None:
        said = preview(template, brand).text
        for cold in (
            "cannot go on",
            "not the last word",
            "is closed",
            "therefore",
            "the option is",
        ):
            assert cold not in said
        sentences = re.split(r"(?<=[.?!:])\s+|\n", said)
        assert [each for each in sentences if len(each.split()) > MOST_WORDS] == []

    def test_names_no_rule(self, template: str, brand: str) -> None:
        mail = preview(template, brand)
        assert re.search(r"\b(APO|PO|G|AM|SPOC|CONF)-\d", mail.subject + mail.text) is None


# --- until when -------------------------------------------------------------------------------

WITH_A_DEADLINE = [template for template in LETTERS if "answer_by" in SAMPLES[template]]


@pytest.mark.parametrize("template", WITH_A_DEADLINE)
def test_a_letter_says_until_when_an_answer_is_wanted(template: str) -> None:
    told = letter(template, answer_by="Fri, Nov 27, 5:00 PM ET").text
    assert " by Fri, Nov 27, 5:00 PM ET" in told


@pytest.mark.parametrize("template", WITH_A_DEADLINE)
def test_a_letter_names_no_deadline_where_none_runs(template: str) -> None:
    told = letter(template, answer_by="").text
    assert re.search(r"\bby[ .,]*$|\bby [,.]", told, re.MULTILINE) is None
    assert "ET" not in told


@pytest.mark.rule("APO-29")
@pytest.mark.rule("APO-34")
@pytest.mark.parametrize("template", ["apo_offer_reminder", "apo_invoice_reminder"])
def test_the_last_reminder_says_when_it_is_too_late(template: str) -> None:
    last = letter(template, attempt="3", attempts="3", answer_by="Fri, Nov 27, 5:00 PM ET").text
    assert re.search(r"If (we don't hear from|no invoice reaches) .*by Fri, Nov 27, 5:00 PM", last)
    for earlier in (letter(template), letter(template, attempt="3", attempts="3", answer_by="")):
        assert "after the last one, we will" in earlier.text


# --- instructions -----------------------------------------------------------------------------


@pytest.mark.rule("APO-40")
@pytest.mark.rule("G-71")
def test_the_instructions_carry_the_checklist() -> None:
    steps = paragraphs(letter("apo_instructions"))[4].splitlines()
    assert [step.partition(". ")[0] for step in steps] == list("12345678")
    told = [
        ["licensed", "insured", "diagnosed"],
        ["letterhead", "detailed diagnosis", "each part", "labor", "price"],
        ["photos"],
        [MAILBOX, "within one business day", "before the repair", "SJ-1001"],
        ["$300.00 or less, the repair may go ahead", "more, please wait for our approval"],
        ["approved", "schedule the work"],
        ["paid invoice", "same address", "within one business day after the work is done"],
        ["choose", "by check or by electronic transfer"],
    ]
    for step, words in zip(steps, told, strict=True):
        assert [each for each in words if each not in step] == []


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-25")
@pytest.mark.parametrize("limit", ["$500.00", "$300.00"])
@pytest.mark.parametrize(
    "template", ["apo_instructions", "apo_instructions_reminder", "apo_documents_reminder"]
)
def test_up_to_the_limit_the_repair_need_not_wait(template: str, limit: str) -> None:
    told = letter(template, limit=limit).text
    assert re.search(rf"is {re.escape(limit)} or less, the repair may go ahead right away", told)
    assert "If it is more, please wait for our approval." in told


@pytest.mark.parametrize("template", ["apo_instructions", "apo_instructions_reminder"])
@pytest.mark.rule("APO-15")
@pytest.mark.rule("APO-16")
def test_the_option_may_be_refused(template: str) -> None:
    told = letter(template).text
    assert "Alternate Provider Option" in told
    assert re.search(r"would rather not\b.*our Dispatch team will take it from there", told)


@pytest.mark.rule("APO-11")
def test_instructions_that_were_not_seen_may_be_in_the_spam_folder() -> None:
    assert "spam or junk folder" in letter("apo_instructions_reminder").text


@pytest.mark.parametrize("template", REMINDERS)
def test_a_reminder_says_which_one_it_is(template: str) -> None:
    assert "This is reminder 3 of 4." in letter(template, attempt="3", attempts="4").text


# --- documents --------------------------------------------------------------------------------


@pytest.mark.rule("APO-36")
@pytest.mark.parametrize("template", [each for each in LETTERS if each != "apo_payment_by_check"])
def test_documents_go_to_the_mailbox_of_the_policy(template: str) -> None:
    assert MAILBOX in letter(template).text
    moved = letter(template, documents_mailbox="papers@example.com").text
    assert "papers@example.com" in moved
    assert MAILBOX not in moved


@pytest.mark.rule("G-70")
def test_waiting_for_documents_closes_nothing() -> None:
    told = letter("apo_documents_reminder").text
    assert "Your request stays open" in told
    for document in ("the estimate on the company's letterhead", "photos", "the paid invoice"):
        assert document in told


def test_an_approved_estimate_lets_the_work_begin() -> None:
    told = letter("apo_estimate_approved", amount="$300.01", reason="Weekend rate included.").text
    assert "we approved the estimate of $300.01" in told
    assert "Please schedule the work" in told
    assert "Please note: Weekend rate included." in told
    assert f"send the paid invoice to {MAILBOX} within one business day" in told


@pytest.mark.rule("G-37")
def test_an_invoice_above_the_estimate_is_reviewed() -> None:
    told = letter("apo_estimate_approved").text
    assert "If it costs more than the estimate, we will review the difference." in told


def test_a_declined_estimate_stops_the_work_and_may_be_replaced() -> None:
    told = letter("apo_estimate_declined", amount="$900.00", reason="No diagnosis.").text
    assert "the estimate of $900.00" in told
    assert "cannot approve this estimate" in told
    assert "The reason: No diagnosis." in told
    assert "Please don't have the work done on this estimate" in told
    assert "send another estimate" in told


@pytest.mark.parametrize(
    ("template", "heading"),
    [("apo_estimate_approved", "Please note"), ("apo_estimate_declined", "The reason")],
)
def test_about_an_estimate_no_reason_need_be_given(template: str, heading: str) -> None:
    told, given = letter(template, reason=""), letter(template)
    assert heading not in told.text
    assert [each for each in paragraphs(given) if not each.startswith(heading)] == paragraphs(told)


@pytest.mark.rule("G-40")
def test_incomplete_documents_are_named_and_the_request_stays_open() -> None:
    told = letter("apo_documents_incomplete", reason="Page 2 is missing.").text
    assert "Here is what our team found: Page 2 is missing." in told
    assert f"Please send what is missing to {MAILBOX} by Wed, Nov 25, 5:00 PM ET" in told
    assert "Your request stays open" in told


# --- offer and payment ------------------------------------------------------------------------


@pytest.mark.rule("APO-26")
@pytest.mark.rule("APO-32")
@pytest.mark.parametrize("template", OFFERS)
def test_an_offer_names_its_amount(template: str) -> None:
    assert "to pay you $1,234.56" in letter(template, amount="$1,234.56").text


@pytest.mark.rule("APO-27")
@pytest.mark.parametrize("template", OFFERS)
def test_the_customer_chooses_between_check_and_electronic_transfer(template: str) -> None:
    told = letter(template, electronic_transfer="yes").text
    assert re.search(r"\bby check,? or by electronic transfer\b", told)
    assert "you choose" in told


@pytest.mark.rule("G-44")
@pytest.mark.parametrize("template", OFFERS)
def test_without_a_mailable_address_there_is_a_check_only(template: str) -> None:
    told = letter(template, electronic_transfer="no").text
    assert re.search(r"\bpay you by check\.", told)
    assert "electronic" not in told
    assert "choose" not in told


@pytest.mark.rule("G-39")
def test_without_an_invoice_the_offer_is_conditional() -> None:
    told = letter("apo_offer_without_invoice").text
    assert "To pay you, we need one more thing: your paid invoice." in told
    assert "We pay you as soon as we have received and approved it." in told
    assert "one more thing" not in letter("apo_offer").text


@pytest.mark.rule("APO-29")
def test_an_offer_left_unanswered_is_announced_to_be_paid_by_check() -> None:
    told = letter("apo_offer_reminder").text
    assert "after the last one, we will pay you by check and complete the job" in told


@pytest.mark.rule("APO-29")
@pytest.mark.rule("APO-30")
@pytest.mark.rule("APO-31")
def test_payment_by_check_completes_the_job() -> None:
    told = letter("apo_payment_by_check", amount="$86.00").text
    assert "our offer of $86.00" in told
    assert "we are now processing your payment by check" in told
    assert "the service job is completed" in told


@pytest.mark.rule("APO-33")
def test_a_missing_invoice_is_asked_for_while_the_offer_stands() -> None:
    told = letter("apo_invoice_reminder", amount="$86.00").text
    assert "Our offer to pay you $86.00" in told
    assert "stands" in told
    assert "we still need your paid invoice" in told


@pytest.mark.rule("APO-34")
@pytest.mark.rule("APO-35")
def test_without_proof_of_payment_the_job_is_closed() -> None:
    assert "we will close the job" in letter("apo_invoice_reminder").text
    told = letter("apo_closing_without_proof").text
    assert "We haven't received proof of payment, so we will close the service job for now." in told


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
def test_a_paid_invoice_may_come_at_any_time_and_is_reimbursed() -> None:
    assert "at any time" in letter("apo_invoice_reminder").text
    told = letter("apo_closing_without_proof").text
    assert f"your final paid invoice to {MAILBOX} at any time" in told
    assert "We will review it and process your reimbursement." in told
