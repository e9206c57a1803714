"""How still, how late and how true landmarks are: measures, test signals, contestants and the report."""
