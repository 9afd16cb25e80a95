def find_cause(m, rows): return ""
