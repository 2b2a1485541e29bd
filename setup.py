"""Map the fixed top level onto one import package: `src/` is `drumbeat`; `streams/` and `examples/` lie beside."""

from setuptools import find_packages, setup

setup(
    package_dir={"drumbeat": "src", "drumbeat.streams": "streams", "drumbeat.examples": "examples"},
    packages=[
        "drumbeat",
        "drumbeat.streams",
        "drumbeat.examples",
        *("drumbeat." + name for name in find_packages("src")),
    ],
    package_data={"": ["**/*.sql", "*.html", "py.typed", "**/*.toml", "**/*.json", "**/*.yaml", "**/*.md"]},
)
