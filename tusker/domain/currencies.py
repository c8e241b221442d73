"""Decimals of currencies as ISO 4217 sets them, not as a country's prices are usually shown.

From list one of ISO 4217, as its maintenance agency (SIX) publishes it: the currencies whose minor unit is not a
hundredth. What is merely shown differs: CLDR, and with it Babel, gives RSD, LBP and AFN none and IQD none, where the
standard has 2 and 3.
"""

_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXCEPTIONS = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}


def decimals_of(code: str) -> int:
    """The decimals of a currency by its ISO 4217 code: 2 for INR, 0 for JPY, 3 for KWD."""
    return _EXCEPTIONS.get(code, 2)
