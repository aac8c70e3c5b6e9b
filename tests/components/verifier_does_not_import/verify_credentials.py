raise RuntimeError("no verifier today")
