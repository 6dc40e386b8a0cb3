"""``hedui-node``: the command line of a department's admin, one module per noun."""
