"""A small policy over the departments of the test federation."""

POLICY = """
[policy]
name = "small"
title = { en = "Small", zh = "小" }
region = "330212"
valid_from = 2020-01-01
months = 12
max_members = 5
min_departments = 2
min_distance = 1000
level = "verdict"

[parameters.standard]
title = { en = "Standard", zh = "标准" }
value = "1000.00"
unit = "yuan"
effective = 2020-01-01
legal = "Notice 1"

[measures.wages]
title = { en = "Wages", zh = "工资" }
department = "tax"
resource = "tax.wages"
kind = "sum"
unit = "yuan"
min = "0"
max = "1000000.00"

[measures.deposits]
title = { en = "Deposits", zh = "存款" }
department = "bank"
resource = "bank.deposits"
kind = "sum"
unit = "yuan"
min = "0"
max = "1000000.00"

[measures.cars]
title = { en = "Cars", zh = "车" }
department = "cars"
resource = "cars.cars"
kind = "count"
unit = "1"
min = "0"
max = "20"

[conditions.too_many_cars]
title = { en = "Too many cars", zh = "车辆超标" }
department = "cars"
when = "cars > members"

[forms.means]
wages = 1
deposits = 1

[forms.vehicles]
too_many_cars = 1

[rules.poor]
title = { en = "Poor", zh = "贫困" }
form = "means"
op = "<="
parameter = "standard"
per = "member"
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

[programmes.means-only]
title = { en = "Means", zh = "收入" }
when = "poor"
legal = "Article 4"
"""
