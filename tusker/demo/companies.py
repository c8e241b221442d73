"""Who is in the demo. Every company is made up; amounts are in major units."""

from dataclasses import dataclass, field
from decimal import Decimal

from tusker.domain.terms import Collection, DayCount, InterestMethod, Terms
from tusker.models import Role

LAKH = 100_000


@dataclass(frozen=True, slots=True)
class Company:
    """One company: a prefix for its orders and ids, where it is, and its limits (None: not on that side)."""

    key: str
    name: str
    city: str
    phone: str
    supplier_limit: int | None = None
    purchaser_limit: int | None = None
    more_cities: tuple[str, ...] = ()
    terms: Terms | None = None

    @property
    def supplier_id(self) -> str:
        """The delivery company's id of it as a sender."""
        return f"C-{self.key}"

    def locations(self) -> dict[str, str]:
        """Its receiving places at the delivery company: location id and city."""
        return {f"L-{self.key}-{n}": city for n, city in enumerate((self.city, *self.more_cities), start=1)}


def _terms(advance: str, apr: str, tenor: int, **more: object) -> Terms:
    return Terms(
        advance_rate=Decimal(advance),
        apr=Decimal(apr),
        tenor_days=tenor,
        penal_rate=Decimal("0.24"),
        **more,  # type: ignore[arg-type]
    )


SUPPLIERS = (
    Company(
        "NAC", "Narmada Auto Components Pvt Ltd", "Pune", "+91 20 5550 0101", 160 * LAKH,
        terms=_terms("0.80", "0.18", 45, grace_days=3),
    ),
    Company(
        "KTM", "Kaveri Textile Mills Ltd", "Coimbatore", "+91 422 555 0102", 150 * LAKH,
        terms=_terms("0.85", "0.165", 60, fee_rate=Decimal("0.0025"), collection=Collection.INVOICE),
    ),
    Company(
        "SAF", "Sahyadri Agro Foods Pvt Ltd", "Nashik", "+91 253 555 0103", 120 * LAKH,
        terms=_terms("0.75", "0.195", 30, fee_flat=500_00),
    ),
    Company(
        "MSF", "Malwa Steel Forgings Pvt Ltd", "Indore", "+91 731 555 0104", 150 * LAKH,
        terms=_terms("0.80", "0.175", 60, day_count=DayCount.THIRTY_360),
    ),
    Company(
        "DPL", "Deccan Polymers Ltd", "Hyderabad", "+91 40 5550 0105", 140 * LAKH,
        terms=_terms("0.90", "0.15", 30, day_count=DayCount.ACT_360, grace_days=5),
    ),
    Company(
        "KSE", "Konkan Spices & Exports", "Ratnagiri", "+91 2352 55 0106", 40 * LAKH,
        terms=_terms("0.70", "0.21", 45, interest_method=InterestMethod.DAILY_COMPOUND_360),
    ),
    Company(
        "VPP", "Vindhya Paper & Packaging Ltd", "Nagpur", "+91 712 555 0107", 110 * LAKH, 60 * LAKH,
        terms=_terms("0.80", "0.18", 45),
    ),
)  # fmt: skip

PURCHASERS = (
    Company("ARM", "Aravalli Motors Ltd", "Gurugram", "+91 124 555 0201", None, 220 * LAKH, ("Chennai", "Sanand")),
    Company("GRI", "Ganga Retail India Ltd", "Lucknow", "+91 522 555 0202", None, 200 * LAKH, ("Kanpur", "Varanasi")),
    Company("MIP", "Meru Infra Projects Ltd", "Mumbai", "+91 22 5550 0203", None, 180 * LAKH),
    Company("BAI", "Bluepeak Appliances India Ltd", "Noida", "+91 120 555 0204", None, 150 * LAKH),
    Company("TTL", "Trishul Tractors Ltd", "Ludhiana", "+91 161 555 0205", None, 160 * LAKH),
    Company("HHM", "Hampi Hypermarkets Pvt Ltd", "Bengaluru", "+91 80 5550 0206", None, 170 * LAKH, ("Mysuru",)),
    Company("SKQ", "Saffron Kitchens Pvt Ltd", "Mumbai", "+91 22 5550 0207", None, 90 * LAKH),
    Company("BTT", "Brahmaputra Tea Trading Co", "Guwahati", "+91 361 555 0208", None, 70 * LAKH),
    Company("IHF", "Indus Home Furnishings Ltd", "Jaipur", "+91 141 555 0209", None, 120 * LAKH),
    Company("NWM", "Nilgiri Wholesale Mart", "Ooty", "+91 423 555 0210", None, 60 * LAKH),
    Company("PPD", "Panchvati Pharma Distributors", "Vadodara", "+91 265 555 0211", None, 80 * LAKH),
    Company("SEL", "Sindhu Electricals Ltd", "Ahmedabad", "+91 79 5550 0212", None, 35 * LAKH),
    Company("YCP", "Yamuna Consumer Products Ltd", "New Delhi", "+91 11 5550 0213", None, 140 * LAKH),
    Company("MBT", "Malabar Bazaar Trading Co", "Kozhikode", "+91 495 555 0214", None, 50 * LAKH),
)  # fmt: skip

COMPANIES = {company.key: company for company in (*SUPPLIERS, *PURCHASERS)}

BUSY_LINES = {
    ("NAC", "ARM"): 90, ("NAC", "TTL"): 70, ("NAC", "BAI"): 45,
    ("KTM", "GRI"): 75, ("KTM", "IHF"): 60, ("KTM", "YCP"): 50,
    ("SAF", "GRI"): 50, ("SAF", "HHM"): 60, ("SAF", "SKQ"): 40,
    ("MSF", "MIP"): 90, ("MSF", "TTL"): 60,
    ("DPL", "BAI"): 60, ("DPL", "PPD"): 45, ("DPL", "VPP"): 40,
    ("KSE", "HHM"): 45,
    ("VPP", "YCP"): 60, ("VPP", "GRI"): 50, ("VPP", "ARM"): 40,
}  # fmt: skip
"""Lines on which the demo's daily trade runs, with their limits in lakh."""

SPECIAL_LINES = {
    "suspended": ("SAF", "BTT", 30),
    "expired": ("KTM", "NWM", 30),
    "near_limit": ("MSF", "SEL", 30),
    "lowered": ("DPL", "YCP", 40),
    "supplier_bound": ("KSE", "BTT", 60),
    "purchaser_bound": ("DPL", "SEL", 60),
    "not_begun": ("VPP", "IHF", 35),
    "on_hold": ("VPP", "MBT", 30),
}
"""Lines that show something by themselves, with their limits in lakh."""

LINES_TO_TRY = (("NAC", "TTL"), ("NAC", "ARM"))
"""Lines of the demo's supplier whose purchasers pay on time: what a newcomer requests first is on these."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signs in; `company` is a key or None for the lender's own people."""

    email: str
    name: str
    role: Role
    company: str | None = field(default=None)


PEOPLE = (
    Person("admin@tusker.test", "Asha Menon", Role.ADMIN),
    Person("admin2@tusker.test", "Rohan Kulkarni", Role.ADMIN),
    Person("auditor@tusker.test", "Leela Iyer", Role.AUDITOR),
    Person("supplier@tusker.test", "Farhan Sheikh", Role.SUPPLIER, "NAC"),
    Person("kaveri@tusker.test", "Meenakshi Sundaram", Role.SUPPLIER, "KTM"),
    Person("purchaser@tusker.test", "Gurpreet Gill", Role.PURCHASER, "ARM"),
    Person("ganga@tusker.test", "Pooja Srivastava", Role.PURCHASER, "GRI"),
    Person("vindhya@tusker.test", "Nikhil Deshmukh", Role.SUPPLIER, "VPP"),
)
NEWCOMER = PEOPLE[3]
"""Whose login a newcomer is told to begin with: a supplier on the `LINES_TO_TRY`."""
PASSWORD = "tusker-demo-2026"  # noqa: S105 - documented, for development only: seeding is refused in production
