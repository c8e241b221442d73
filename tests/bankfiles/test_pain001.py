"""Payment orders as pain.001: always valid by the schema, always exact."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.payment_orders import GERMAN, INDIAN, LENDER, order_of, schema_of
from tests.support.profiles import examples
from tusker.bankfiles.payments.pain001 import Version, Wishes, write_pain001
from tusker.bankfiles.texts import bank_name, bank_text
from tusker.domain.accounts import AccountNumber
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder
from tusker.domain.money import MAX_AMOUNT
from tusker.errors import InvalidInput

WHOLE = """\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>DIS-1</MsgId>
      <CreDtTm>2026-03-02T11:30:05Z</CreDtTm>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>1.50</CtrlSum>
      <InitgPty>
        <Nm>Tusker Finance</Nm>
      </InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>DIS-1</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      <BtchBookg>false</BtchBookg>
      <NbOfTxs>1</NbOfTxs>
      <CtrlSum>1.50</CtrlSum>
      <ReqdExctnDt>
        <Dt>2026-03-03</Dt>
      </ReqdExctnDt>
      <Dbtr>
        <Nm>Muller + Sohne GmbH</Nm>
      </Dbtr>
      <DbtrAcct>
        <Id>
          <IBAN>DE89370400440532013000</IBAN>
        </Id>
        <Ccy>INR</Ccy>
      </DbtrAcct>
      <DbtrAgt>
        <FinInstnId>
          <Othr>
            <Id>NOTPROVIDED</Id>
          </Othr>
        </FinInstnId>
      </DbtrAgt>
      <CdtTrfTxInf>
        <PmtId>
          <InstrId>R1</InstrId>
          <EndToEndId>R1</EndToEndId>
        </PmtId>
        <Amt>
          <InstdAmt Ccy="INR">1.50</InstdAmt>
        </Amt>
        <CdtrAgt>
          <FinInstnId>
            <BICFI>DEUTDEFF</BICFI>
            <ClrSysMmbId>
              <ClrSysId>
                <Cd>INFSC</Cd>
              </ClrSysId>
              <MmbId>HDFC0000123</MmbId>
            </ClrSysMmbId>
          </FinInstnId>
        </CdtrAgt>
        <Cdtr>
          <Nm>A + B</Nm>
        </Cdtr>
        <CdtrAcct>
          <Id>
            <Othr>
              <Id>123-4/5</Id>
              <SchmeNm>
                <Cd>BBAN</Cd>
              </SchmeNm>
            </Othr>
          </Id>
        </CdtrAcct>
        <RmtInf>
          <Ustrd>x</Ustrd>
        </RmtInf>
      </CdtTrfTxInf>
    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
"""


def _read(data: bytes) -> ElementTree.Element:
    root = ElementTree.fromstring(data)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _texts(root: ElementTree.Element, path: str) -> list[str | None]:
    return [found.text for found in root.iterfind(path)]


@pytest.mark.parametrize("version", ["09", "03"])
def test_an_iban_and_an_indian_account(order: PaymentOrder, version: Version) -> None:
    data = write_pain001(order, version, 2)
    schema_of(f"pain.001.001.{version}").validate(io.BytesIO(data))
    root = _read(data)
    head, block = "CstmrCdtTrfInitn/GrpHdr", "CstmrCdtTrfInitn/PmtInf"
    assert _texts(root, f"{head}/MsgId") == _texts(root, f"{block}/PmtInfId") == ["DIS-2026-0007"]
    assert _texts(root, f"{head}/CreDtTm") == ["2026-03-02T11:30:05Z"]
    for part in (head, block):
        assert _texts(root, f"{part}/NbOfTxs") == ["2"]
        assert _texts(root, f"{part}/CtrlSum") == ["12501.49"]
    day = f"{block}/ReqdExctnDt" + ("/Dt" if version == "09" else "")
    assert _texts(root, day) == ["2026-03-03"]
    member = "FinInstnId/ClrSysMmbId"
    assert _texts(root, f"{block}/DbtrAcct/Id/Othr/Id") == ["000111222333"]
    assert _texts(root, f"{block}/DbtrAgt/{member}/MmbId") == ["DEMO0000001"]
    one = f"{block}/CdtTrfTxInf"
    assert _texts(root, f"{one}/PmtId/EndToEndId") == ["PAY-7-1", "PAY-7-2"]
    assert _texts(root, f"{one}/Amt/InstdAmt") == ["12500.50", "0.99"]
    assert _texts(root, f"{one}/Cdtr/Nm") == ["Muller + Sohne GmbH", "mumbai tredars"]
    assert _texts(root, f"{one}/CdtrAcct/Id/IBAN") == ["DE89370400440532013000"]
    assert _texts(root, f"{one}/CdtrAcct/Id/Othr/Id") == ["50100012345678"]
    assert _texts(root, f"{one}/CdtrAcct/Id/Othr/SchmeNm/Cd") == ["BBAN"]
    assert _texts(root, f"{one}/CdtrAgt/{member}/ClrSysId/Cd") == ["INFSC"]
    assert _texts(root, f"{one}/CdtrAgt/{member}/MmbId") == ["HDFC0000123"]
    assert _texts(root, f"{one}/RmtInf/Ustrd") == ["INV-1, INV-2", "chalan 7"]


@pytest.mark.parametrize("version", ["09", "03"])
def test_a_bank_by_bic_or_not_at_all(version: Version) -> None:
    tag = "BICFI" if version == "09" else "BIC"
    payee = AccountNumber("A", account_number="123-4/5", bic="DEUTDEFF")
    plain = order_of(CreditTransfer("R1", payee, 1, ""), debtor=GERMAN)
    data = write_pain001(plain, version, 2)
    schema_of(f"pain.001.001.{version}").validate(io.BytesIO(data))
    root = _read(data)
    assert _texts(root, f".//CdtrAgt/FinInstnId/{tag}") == ["DEUTDEFF"]
    assert _texts(root, ".//DbtrAgt/FinInstnId/Othr/Id") == ["NOTPROVIDED"]
    assert root.find(".//RmtInf") is None


def test_the_same_order_gives_the_same_bytes(order: PaymentOrder) -> None:
    assert write_pain001(order, "09", 2) == write_pain001(replace(order), "09", 2)
    assert write_pain001(order, "09", 2) != write_pain001(replace(order, message_id="X"), "09", 2)


def test_the_whole_file() -> None:
    payee = AccountNumber("A & B", account_number="123-4/5", bic="DEUTDEFF", ifsc="HDFC0000123")
    plain = order_of(CreditTransfer("R1", payee, 150, "<x>"), debtor=GERMAN, message_id="DIS-1")
    assert write_pain001(plain, "09", 2).decode() == WHOLE


_transfer = CreditTransfer("R1", INDIAN, 100, "x")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"transfers": ()}, "transfers", "nothing to pay"),
        ({"message_id": "x" * 36}, "message_id", "36 characters; banks take 35"),
        ({"message_id": ""}, "message_id", "empty"),
        ({"message_id": "a_b"}, "message_id", "do not take"),
        ({"message_id": "/a"}, "message_id", "slash"),
        ({"message_id": "a//b"}, "message_id", "slash"),
        ({"currency": "Rs"}, "currency", "not a currency"),
        ({"created_at": datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)}, "created_at", "time zone"),
        ({"initiator": "\u200b"}, "initiator", "no letter"),
        ({"debtor": AccountNumber("A", account_number="1")}, "debtor", "IFSC or BIC"),
        ({"debtor": AccountNumber("A")}, "debtor", "needs an IBAN or an account number"),
        ({"debtor": replace(GERMAN, account_number="1")}, "debtor", "needs an IBAN or an account number"),
        ({"debtor": replace(GERMAN, iban="de89")}, "debtor", "IBAN of the lender is not one"),
        ({"transfers": (replace(_transfer, amount=0),)}, "amount", "more than zero"),
        ({"transfers": (replace(_transfer, amount=-5),)}, "amount", "more than zero"),
        ({"transfers": (replace(_transfer, amount=MAX_AMOUNT + 1),)}, "amount", "not exceed"),
        ({"transfers": (_transfer, _transfer)}, "reference", "R1 is there twice"),
        ({"transfers": (replace(_transfer, reference="é"),)}, "reference", "do not take"),
        ({"transfers": (replace(_transfer, reference="1" * 36),)}, "reference", "36 characters"),
        ({"transfers": (replace(_transfer, remittance="1" * 141),)}, "remittance", "more than 137"),
        (
            {"transfers": (replace(_transfer, creditor=replace(INDIAN, holder="  ")),)},
            "creditor",
            "no letter",
        ),
        (
            {"transfers": (replace(_transfer, creditor=replace(INDIAN, ifsc="HDFC1")),)},
            "creditor",
            "IFSC of the p",
        ),
        (
            {"transfers": (replace(_transfer, creditor=replace(INDIAN, bic="nobic")),)},
            "creditor",
            "BIC of the pa",
        ),
    ],
)
def test_what_no_bank_takes_is_refused(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        write_pain001(order_of(**({"transfers": (_transfer,)} | changes)), "09", 2)
    assert refused.value.field == field


def test_long_texts_are_cut_between_words_and_show_it() -> None:
    text = " ".join(f"INV-{number:05}" for number in range(40))
    root = _read(write_pain001(order_of(replace(_transfer, remittance=text)), "09", 2))
    [shown] = _texts(root, ".//Ustrd")
    assert shown is not None
    assert len(shown) <= 140
    assert shown.endswith("INV-00012...")


@pytest.mark.parametrize("version", ["09", "03"])
@pytest.mark.parametrize(
    ("wishes", "block", "own"),
    [
        (Wishes(), None, None),
        (Wishes("HIGH"), ("HIGH", None), None),
        (Wishes("NORM", "NURG"), ("NORM", "NURG"), None),
        (Wishes("", "mode"), None, (None, "RTGS")),
    ],
)
def test_priority_and_local_instrument_where_the_bank_wants_them(
    version: Version, wishes: Wishes, block: tuple[str | None, ...] | None, own: tuple[str | None, ...] | None
) -> None:
    made = order_of(replace(_transfer, mode="RTGS"))
    written = write_pain001(made, version, 2, wishes)
    schema_of(f"pain.001.001.{version}").validate(written.decode())
    root = _read(written)
    for path, wanted in (("PmtInf/PmtTpInf", block), ("PmtInf/CdtTrfTxInf/PmtTpInf", own)):
        [kind] = root.findall(f".//{path}") or [None]
        told = None if kind is None else (kind.findtext("InstrPrty"), kind.findtext("LclInstrm/Prtry"))
        assert told == wanted


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("आनंद ट्रेडर्स", "anand tredars"),
        ("श्री गणेश एंटरप्राइजेज", "shri ganesh entarapraijej"),
        ("मित्र चन्द्र", "mitra chandra"),
        ("ज़फ़र गाड़ी", "zafar gari"),
        ("लक्ष्मी क़लम काँच", "lakshmi kalam kanch"),
        ("আনন্দ ট্রেডার্স", "anand tredars"),
        ("ਆਨੰਦ", "anand"),
        ("ರಾಜ ಟ್ರೇಡರ್ಸ್", "raja tredars"),
        ("राजा १२३ (दिल्ली)", "raja 123 (dilli)"),
        ("🚀 Rocket 👍🏽 & Co", "Rocket + Co"),
        ("Łódź ½ № 5 ™", "Lodz 1/2 No 5 TM"),
    ],
)
def test_names_in_other_scripts_stay_readable(name: str, latin: str) -> None:
    assert bank_text(name) == latin


def test_a_long_name_ends_with_a_word() -> None:
    name = "Shree Ganesh Enterprises"
    assert bank_name(name, longest=20, field="f", whose="w") == "Shree Ganesh"
    assert bank_name(name, longest=24, field="f", whose="w") == name
    with pytest.raises(InvalidInput, match="a word of more than 4 characters"):
        bank_name(name, longest=4, field="f", whose="w")


NAMES = st.text(min_size=1, max_size=120).filter(lambda name: any(c.isalnum() for c in bank_text(name)))
REFERENCES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-?:().,'+]{0,34}", fullmatch=True)


@st.composite
def accounts(draw: st.DrawFn) -> AccountNumber:
    """Any account, with an IBAN or without."""
    holder = draw(NAMES)
    bic = draw(st.none() | st.from_regex(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?", fullmatch=True))
    if draw(st.booleans()):
        return AccountNumber(
            holder, iban=draw(st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", fullmatch=True)), bic=bic
        )
    ifsc = draw(st.from_regex(r"[A-Z]{4}0[A-Z0-9]{6}", fullmatch=True))
    number = draw(st.from_regex(r"[0-9]{1,34}", fullmatch=True))
    return AccountNumber(holder, account_number=number, ifsc=ifsc, bic=bic)


@st.composite
def orders(draw: st.DrawFn) -> tuple[PaymentOrder, int]:
    """Any order, and the decimals of its currency."""
    currency, exponent = draw(st.sampled_from([("INR", 2), ("JPY", 0), ("KWD", 3)]))
    references = draw(st.lists(REFERENCES, min_size=1, max_size=6, unique=True))
    transfers = tuple(
        CreditTransfer(
            reference, draw(accounts()), draw(st.integers(1, MAX_AMOUNT)), draw(st.text(max_size=30))
        )
        for reference in references
    )
    made = order_of(*transfers, debtor=draw(accounts()), currency=currency, message_id=draw(REFERENCES))
    return replace(made, initiator=draw(NAMES)), exponent


@pytest.mark.parametrize("version", ["09", "03"])
@settings(max_examples=examples(40))
@given(made=orders())
def test_any_order_is_valid_and_exact(version: Version, made: tuple[PaymentOrder, int]) -> None:
    order, exponent = made
    try:
        data = write_pain001(order, version, exponent)
    except InvalidInput as refused:
        assert "has a word of more than" in refused.message  # noqa: PT017 - one script's words may be long in Latin
        return
    schema_of(f"pain.001.001.{version}").validate(io.BytesIO(data))
    root = _read(data)
    amounts = [Decimal(str(text)) for text in _texts(root, ".//InstdAmt")]
    assert [amount.scaleb(exponent) for amount in amounts] == [t.amount for t in order.transfers]
    assert {Decimal(str(text)) for text in _texts(root, ".//CtrlSum")} == {sum(amounts)}
    assert set(_texts(root, ".//NbOfTxs")) == {str(len(order.transfers))}
    assert _texts(root, ".//EndToEndId") == [t.reference for t in order.transfers]
    assert {e.get("Ccy") for e in root.iter("InstdAmt")} == {order.currency}


def test_the_demo_account_of_the_lender_is_taken() -> None:
    write_pain001(order_of(_transfer, debtor=LENDER), "03", 2)
