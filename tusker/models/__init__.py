"""Tables, one file an aggregate: columns, constraints, relationships. Nothing here writes."""

from tusker.models.bank.statement import BankCharge, BankStatement, EntryDirection, EntryState, StatementEntry
from tusker.models.bank.upload import StatementProfile, StatementUpload, UploadState
from tusker.models.couriers.carrier import CarrierSetting, CarrierState, WebhookDelivery
from tusker.models.credit.customer import (
    CarrierIdentity,
    CreditLine,
    Customer,
    LineStatus,
    PurchaserAccount,
    SupplierAccount,
)
from tusker.models.credit.exposure import ExposureMovement, LimitDay
from tusker.models.credit.invoice import Invoice, WaitingRequest, WaitingState
from tusker.models.credit.invoice_file import (
    FileState,
    InvoiceFile,
    InvoiceFilePart,
    InvoiceFileRefusal,
    InvoiceFileRow,
)
from tusker.models.credit.risk import HoldRelease, RiskRule
from tusker.models.delivery.shipment import Shipment, ShipmentDocument, ShipmentEvent
from tusker.models.loans.adjustment import Adjustment, AdjustmentKind, Relief, ReliefKind, ReliefState
from tusker.models.loans.claim import Claim, ClaimSettlement, ClaimState
from tusker.models.loans.classification import Classification, Reminder
from tusker.models.loans.deductions import (
    CreditNote,
    DeductionKind,
    DeductionState,
    ReserveKind,
    ReserveMovement,
)
from tusker.models.loans.loan import Allocation, Loan, Receipt, ReceiptKind
from tusker.models.loans.payable import Payable, PayableLine
from tusker.models.loans.position import (
    BookPosition,
    DaySum,
    DebtorSum,
    DueSum,
    InvoiceCount,
    LoanChange,
    LoanPosition,
    PositionDay,
)
from tusker.models.payout.bank_account import BankAccount, BankAccountState
from tusker.models.payout.disbursal import (
    Disbursal,
    DisbursalLine,
    DisbursalStatus,
    LineState,
    PaymentReport,
    Payout,
    PayoutState,
)
from tusker.models.people.access import (
    AccessEntry,
    AccessKind,
    ApiToken,
    FactorKind,
    IdempotencyKey,
    RecentThing,
    RecoveryCode,
    Role,
    SavedView,
    SecondFactor,
    ThrottleCount,
    TokenScope,
    TokenState,
    User,
    UserSession,
    UserState,
)
from tusker.models.record.attention import AttentionItem
from tusker.models.record.daily import DailyRun, ProofRun
from tusker.models.record.event import Event, EventSeal, SealCheckpoint
from tusker.models.record.outbox import OutboxMessage
from tusker.models.record.proposal import Proposal, ProposalState
