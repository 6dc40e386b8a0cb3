"""The small policy over the departments of the test federation, with a second programme."""

from tests.support.policies import changed_text

POLICY = changed_text(
    ("valid_to = 2023-11-30\n", ""),
    ("2022-12-01", "2020-01-01"),
    ("window_months = 12\n", ""),
    ("monthly = true\n", ""),
    ("pensions", "deposits"),
    ('"social-security', '"bank'),
    ('department = "vehicles"', 'department = "cars"'),
    ("vehicles.cars", "cars.cars"),
    more="""
[programmes.means-only]
title = { en = "Means", zh = "收入" }
when = "poor"
legal = "Article 4"
""",
)
