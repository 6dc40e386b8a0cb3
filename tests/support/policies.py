"""Small policies: one that tests change line by line, and texts made from it."""

SMALL = """
[policy]
name = "small"
title = { en = "Small", zh = "小" }
region = "330212"
valid_from = 2022-12-01
valid_to = 2023-11-30
months = 12
max_members = 5
min_departments = 2
min_distance = 1000
level = "verdict"

[parameters.standard]
title = { en = "Standard", zh = "标准" }
value = "1000.00"
unit = "yuan"
effective = 2022-12-01
legal = "Notice 1"

[measures.wages]
title = { en = "Wages", zh = "工资" }
department = "tax"
resource = "tax.wages"
kind = "sum"
unit = "yuan"
window_months = 12
min = "0"
max = "1000000.00"

[measures.pensions]
title = { en = "Pensions", zh = "养老金" }
department = "social-security"
resource = "social-security.pensions"
kind = "sum"
unit = "yuan"
window_months = 12
min = "0"
max = "1000000.00"

[measures.cars]
title = { en = "Cars", zh = "车" }
department = "vehicles"
resource = "vehicles.cars"
kind = "count"
unit = "1"
min = "0"
max = "20"

[conditions.too_many_cars]
title = { en = "Too many cars", zh = "车辆超标" }
department = "vehicles"
when = "cars > members"

[forms.income]
wages = 1
pensions = 1

[forms.vehicles]
too_many_cars = 1

[rules.poor]
title = { en = "Poor", zh = "贫困" }
form = "income"
op = "<="
parameter = "standard"
per = "member"
monthly = true
legal = "Article 1"

[rules.cars_allowed]
title = { en = "Cars", zh = "车" }
form = "vehicles"
op = "<="
limit = 0
min_departments = 1
legal = "Article 2"

[programmes.aid]
title = { en = "Aid", zh = "救助" }
when = "poor and cars_allowed"
legal = "Article 3"
"""


def changed_text(*pairs: tuple[str, str], more: str = "") -> str:
    """The small policy after replacing texts, each of which must occur in it."""
    text = SMALL
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text + more
