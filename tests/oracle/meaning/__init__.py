"""meaning: what each part of a rule means, by subject. naive.py runs it; each module opens with what it is about."""
