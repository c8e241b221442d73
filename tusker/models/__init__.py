"""Tables, one file an aggregate: columns, constraints, relationships. Nothing here writes."""

from tusker.models.access import (
    AccessEntry,
    AccessKind,
    ApiToken,
    IdempotencyKey,
    RecentThing,
    Role,
    SavedView,
    ThrottleCount,
    TokenScope,
    TokenState,
    User,
    UserSession,
    UserState,
)
from tusker.models.adjustment import Adjustment, AdjustmentKind
from tusker.models.attention import AttentionItem
from tusker.models.bank import (
    BankAccount,
    BankAccountState,
    BankStatement,
    EntryDirection,
    EntryState,
    StatementEntry,
)
from tusker.models.bank_charge import BankCharge
from tusker.models.carrier import CarrierState, WebhookDelivery
from tusker.models.carrier_setting import CarrierSetting
from tusker.models.classification import Classification
from tusker.models.credit_line import CreditLine, LineStatus
from tusker.models.customer import CarrierIdentity, Customer, PurchaserAccount, SupplierAccount
from tusker.models.daily import DailyRun, ProofRun
from tusker.models.disbursal import (
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    LineState,
    PaymentReport,
    Payout,
    PayoutState,
)
from tusker.models.event import Event, EventSeal, SealCheckpoint
from tusker.models.factor import FactorKind, RecoveryCode, SecondFactor
from tusker.models.invoice import Invoice
from tusker.models.invoice_file import (
    FileState,
    InvoiceFile,
    InvoiceFilePart,
    InvoiceFileRefusal,
    InvoiceFileRow,
)
from tusker.models.ledger import (
    Claim,
    ClaimSettlement,
    ClaimState,
    CreditNote,
    DeductionKind,
    DeductionState,
    ExposureMovement,
    Reminder,
    ReserveKind,
    ReserveMovement,
)
from tusker.models.limit_day import LimitDay
from tusker.models.loan import Allocation, Loan, Receipt, ReceiptKind
from tusker.models.outbox import OutboxMessage
from tusker.models.payable import Payable, PayableLine
from tusker.models.position import (
    BookPosition,
    DaySum,
    DueSum,
    InvoiceCount,
    LoanChange,
    LoanPosition,
    PositionDay,
)
from tusker.models.proposal import Proposal, ProposalState
from tusker.models.relief import Relief, ReliefKind, ReliefState
from tusker.models.risk import HoldRelease, RiskRule
from tusker.models.shipment import Shipment, ShipmentDocument, ShipmentEvent
from tusker.models.upload import StatementProfile, StatementUpload, UploadState
from tusker.models.waiting import WaitingRequest, WaitingState

__all__ = [
    "AccessEntry",
    "AccessKind",
    "Adjustment",
    "AdjustmentKind",
    "Allocation",
    "ApiToken",
    "AttentionItem",
    "BankAccount",
    "BankAccountState",
    "BankCharge",
    "BankStatement",
    "BookPosition",
    "CarrierIdentity",
    "CarrierSetting",
    "CarrierState",
    "Claim",
    "ClaimSettlement",
    "ClaimState",
    "Classification",
    "CreditLine",
    "CreditNote",
    "Customer",
    "DailyRun",
    "DaySum",
    "DeductionKind",
    "DeductionState",
    "Disbursal",
    "DisbursalLine",
    "DisbursalStatus",
    "DueSum",
    "EntryDirection",
    "EntryState",
    "Event",
    "EventSeal",
    "ExposureMovement",
    "FactorKind",
    "FileState",
    "HoldRelease",
    "IdempotencyKey",
    "Invoice",
    "InvoiceCount",
    "InvoiceFile",
    "InvoiceFilePart",
    "InvoiceFileRefusal",
    "InvoiceFileRow",
    "LimitDay",
    "LineState",
    "LineStatus",
    "Loan",
    "LoanChange",
    "LoanPosition",
    "OutboxMessage",
    "Payable",
    "PayableLine",
    "PaymentReport",
    "Payout",
    "PayoutState",
    "PositionDay",
    "ProofRun",
    "Proposal",
    "ProposalState",
    "PurchaserAccount",
    "Receipt",
    "ReceiptKind",
    "RecentThing",
    "RecoveryCode",
    "Relief",
    "ReliefKind",
    "ReliefState",
    "Reminder",
    "ReserveKind",
    "ReserveMovement",
    "RiskRule",
    "Role",
    "SavedView",
    "SealCheckpoint",
    "SecondFactor",
    "Shipment",
    "ShipmentDocument",
    "ShipmentEvent",
    "StatementEntry",
    "StatementProfile",
    "StatementUpload",
    "SupplierAccount",
    "ThrottleCount",
    "TokenScope",
    "TokenState",
    "UploadState",
    "User",
    "UserSession",
    "UserState",
    "WaitingRequest",
    "WaitingState",
    "WebhookDelivery",
]
