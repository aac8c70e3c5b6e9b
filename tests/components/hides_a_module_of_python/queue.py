ITEMS = ("a", "b")
