"""What may be changed in a posting, and why one may be refused: the names that reports use, in words."""

UNKNOWN_COMPANY = "Unknown employer"
TITLE_LIMIT = 200
COMPANY_LIMIT = 200
LOCATION_LIMIT = 200
DESCRIPTION_LIMIT = 20_000
SKILLS_LIMIT = 50
SALARY_LIMIT = 10**9

RULES: dict[str, str] = {
    "characters_removed": "control characters, those that turn the direction of text, and broken text removed",
    "spaces_tidied": "spaces at the ends, or repeated in one line, removed",
    "title_retitled": "a title in capitals got capitals at the start of words only",
    "title_cut": f"title cut to {TITLE_LIMIT} characters",
    "company_missing": f"no company: '{UNKNOWN_COMPANY}'",
    "company_cut": f"company name cut to {COMPANY_LIMIT} characters",
    "location_missing": "no location: left empty",
    "location_cut": f"location cut to {LOCATION_LIMIT} characters",
    "description_missing": "no description: left empty",
    "description_cut": f"description cut to {DESCRIPTION_LIMIT} characters",
    "remote_from_location": "remote, because the location says so",
    "employment_type_named": "employment type written our way (Full-time: full_time)",
    "employment_type_missing": "no employment type: 'other'",
    "employment_type_unknown": "an employment type that we do not know: 'other'",
    "experience_missing": "no minimum experience: 0 years",
    "experience_rounded_up": "part of a year of experience rounded up, so that a minimum is not weakened",
    "skills_derived": "no skills stated: the ones found in the text taken",
    "skills_tidied": "empty and repeated skills removed, long ones cut",
    "skills_cut": f"only the first {SKILLS_LIMIT} skills kept",
    "hourly_to_yearly": "hourly pay x 2,080",
    "daily_to_yearly": "daily pay x 260",
    "weekly_to_yearly": "weekly pay x 52",
    "monthly_to_yearly": "monthly pay x 12",
    "salary_rounded": "pay rounded to whole currency units",
    "salary_swapped": "lowest and highest pay swapped",
    "salary_dropped_period": "pay dropped: a year, a month or an hour? it does not say",
    "salary_dropped_currency": "pay dropped: it names no currency in use (ISO 4217)",
    "salary_dropped_implausible": "pay dropped: nobody earns that per hour, day, week or month",
}
"""What may be changed on the way, by the name that reports use."""

REASONS: dict[str, str] = {
    "line_too_long": "a line of more than 1,000,000 bytes",
    "not_json": "not a JSON value",
    "not_an_object": "JSON, but not an object",
    "wrong_type": "a field has the wrong type",
    "title_missing": "no title",
    "experience_out_of_range": "minimum experience outside 0..60 years",
    "salary_out_of_range": f"pay outside 0..{SALARY_LIMIT} a year",
    "openings_out_of_range": "openings outside 1..1000",
}
"""Why a posting may be refused before it is sent."""
