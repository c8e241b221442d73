"""Fetch the pinned front-end files from npm into static/vendor/<name>-<version>/ (make vendor).

Each package is compared with the sha512 written here before anything is taken out of it. To move to another
version, change it here and put in what `npm view <name>@<version> dist.integrity` prints.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "static" / "vendor"
ASSETS = ROOT / "assets"
FOR_TESTS = ROOT / "tests" / "vendor"


@dataclass(frozen=True)
class Package:
    """One npm package: what to check and which files to take (path in the package -> name here)."""

    name: str
    version: str
    sha512: str
    files: dict[str, str]
    directory: str
    root: Path = VENDOR


PACKAGES = [
    Package(
        "@tabler/core",
        "1.6.1",
        "lgmR9gcxRp5JlLxcmRi9Rz85JrEvH6Bz71KnlcPVSa97wtwQNjgSs3g3fxwbAlulHyRMghhIV04QUuW3pqDsIg==",
        {  # no licence file: its MIT notice heads it; scripts/cut_css.py writes what is served
            "dist/css/tabler.min.css": "tabler.min.css",
        },
        "tabler-core",
        ASSETS,
    ),
    Package(
        "htmx.org",
        "2.0.11",
        "Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
        "htmx",
    ),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
        {  # latin-ext holds the currency signs
            "files/inter-latin-wght-normal.woff2": "inter-latin.woff2",
            "files/inter-latin-ext-wght-normal.woff2": "inter-latin-ext.woff2",
            "LICENSE": "LICENSE",
        },
        "inter",
    ),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        {
            "swagger-ui-bundle.js": "swagger-ui-bundle.js",
            "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
            "swagger-ui.css": "swagger-ui.css",
            "LICENSE": "LICENSE",
            "NOTICE": "NOTICE",
        },
        "swagger-ui",
    ),
    Package(
        "redoc",
        "2.5.4",
        "M6jWhG1qoBnH6TFmzJnstyCZ87HmOY/UzDm78mHiYihEdlV/YcS9ogOo1NlElnJMeLsyxHFe2yFc4sNjHTrABQ==",
        {
            "bundles/redoc.standalone.js": "redoc.standalone.js",
            "bundles/redoc.standalone.js.LICENSE.txt": "redoc.standalone.js.LICENSE.txt",
            "LICENSE": "LICENSE",
        },
        "redoc",
    ),
    Package(
        "dejavu-fonts-ttf",
        "2.37.3",
        "f1hd7jJbeQa1VWcw+K2KrTXS50zTMaHpVC4XIKJpNcDeYR5ajMtj/iLlQDYNvLOKamUB3ARVVCf79lNwNVztSQ==",
        {  # for PDF files; it has the rupee sign
            "ttf/DejaVuSansCondensed.ttf": "DejaVuSansCondensed.ttf",
            "ttf/DejaVuSansCondensed-Bold.ttf": "DejaVuSansCondensed-Bold.ttf",
            "LICENSE": "LICENSE",
        },
        "dejavu-fonts",
    ),
    Package(
        "@fontsource-variable/noto-sans-devanagari",
        "5.3.0",
        "52XBcJS3jRvZ5ugFXJvdKgffXPYnN08LeodXkgCbepOdMKVRVTQu1yj071cq8S3zmUwT6w6XKKXRSQlQkwwNNg==",
        {  # OFL-1.1; a page fetches it only where it has Devanagari
            "files/noto-sans-devanagari-devanagari-wght-normal.woff2": "noto-sans-devanagari.woff2",
            "LICENSE": "LICENSE",
        },
        "noto-sans-devanagari",
    ),
    Package(
        "@expo-google-fonts/noto-sans-devanagari",
        "0.4.1",
        "26boYPNKGP1r4R5MxsMAY/zCQOwiXLOJzX8sh1a2oEWyQurQsyniaCv4992c+9jjwshEEt2NNVv5GcnyzaL7QQ==",
        {  # OFL-1.1; for PDF files with Devanagari
            "400Regular/NotoSansDevanagari_400Regular.ttf": "NotoSansDevanagari-Regular.ttf",
            "700Bold/NotoSansDevanagari_700Bold.ttf": "NotoSansDevanagari-Bold.ttf",
            "LICENSE_FONT": "LICENSE",
        },
        "noto-devanagari-ttf",
    ),
    Package(
        "axe-core",
        "4.14.1",
        "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        {"axe.min.js": "axe.min.js", "LICENSE": "LICENSE"},  # MPL-2.0; only the browser tests load it
        "axe-core",
        FOR_TESTS,
    ),
]

ICONS = Package(
    "@tabler/icons",
    "3.51.0",
    "0pinvPZz7YeX+OSfxuEAbnEPWbocVXW5iU8h5lh41pYG8sZuQfpWECC980lxOT0clGIcNGn8xsBr+zKaRGdA/g==",
    {"LICENSE": "LICENSE"},
    "tabler-icons",
)
ICON_NAMES = """
    adjustments alert-circle alert-triangle api arrow-back-up arrow-left arrow-right arrows-exchange
    ban bell bolt book building building-bank building-store calendar calendar-due calculator cash
    chart-bar chart-line check chevron-down chevron-left chevron-right circle-check circle-x clock
    coins copy credit-card dots-vertical download external-link eye file-invoice file-spreadsheet
    file-text file-type-csv filter flag gauge hand-stop help-circle history home hourglass id inbox
    info-circle key link list-check lock logout mail map-pin menu-2 moon notes package pencil
    percentage player-pause player-play plus receipt receipt-refund refresh report-money rotate
    scale search selector send settings shield shield-check sun tag trash truck truck-delivery
    truck-return upload user user-check user-plus users wallet world x
""".split()  # noqa: SIM905 - easier to read and to change


def fetch(package: Package) -> tarfile.TarFile:
    """Download a package with npm and open it. Raises SystemExit when it is not the one pinned here."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", f"{package.name}@{package.version}", "--pack-destination", folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        content = next(Path(folder).glob("*.tgz")).read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != package.sha512:
        sys.exit(f"{package.name}@{package.version} is not the pinned file: sha512-{found}")
    return tarfile.open(fileobj=io.BytesIO(content))


def read(archive: tarfile.TarFile, path: str) -> bytes:
    """The bytes of one file of an npm package."""
    member = archive.extractfile(f"package/{path}")
    if member is None:
        raise KeyError(path)
    return member.read()


def folder_for(package: Package) -> Path:
    """A fresh folder for the package; those of its other versions are removed."""
    for old in package.root.glob(f"{package.directory}-[0-9]*"):
        shutil.rmtree(old)
    folder = package.root / f"{package.directory}-{package.version}"
    folder.mkdir(parents=True)
    return folder


def vendor(package: Package) -> tarfile.TarFile:
    """Put the wanted files of a package into its folder; returns the archive for more."""
    archive = fetch(package)
    folder = folder_for(package)
    for path, name in package.files.items():
        (folder / name).write_bytes(read(archive, path))
    return archive


def sprite(archive: tarfile.TarFile, names: list[str]) -> str:
    """One SVG with a <symbol id=name> per icon: <svg class="icon"><use href="…/sprite.svg#name"/></svg>."""
    symbols = []
    for name in sorted(names):
        text = read(archive, f"icons/outline/{name}.svg").decode()
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", text, re.S)
        if shapes is None:
            sys.exit(f"icon {name}: not an svg")
        inner = re.sub(r'\s*<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "", shapes[1])
        inner = re.sub(r"\s*\n\s*", "", inner)
        # presentation goes with the symbol, so that a page needs no style for an icon to look right
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def main() -> None:
    """Fetch everything."""
    for package in PACKAGES:
        vendor(package)
    icons = vendor(ICONS)
    (VENDOR / f"{ICONS.directory}-{ICONS.version}" / "sprite.svg").write_text(sprite(icons, ICON_NAMES))
    for path in sorted([*VENDOR.rglob("*"), *ASSETS.rglob("*"), *FOR_TESTS.rglob("*")]):
        if path.is_file():
            print(f"{path.stat().st_size:>9} {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
