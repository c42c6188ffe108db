"""One example of each request body, for the OpenAPI document."""

from typing import Any, Final

_CODE: Final = "4dJ9zQ0mXo2uW7kS1bR5yA"
_SOMETHING: Final = "dd58fd9f-88df-4d9b-b535-c46e5c8c1045"
_ANOTHER: Final = "72942251-2a4c-4d44-9ce5-92d0689ad433"
_PASSPHRASE: Final = "seven grey herons at dusk"  # noqa: S105 (nobody's)

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "register": {
        "email": "ada@example.com",
        "password": _PASSPHRASE,
        "name": "Ada Admin",
        "company_name": "Example Works",
    },
    "log_in": {"email": "ada@example.com", "password": _PASSPHRASE},
    "oauth2_token": {"grant_type": "password", "username": "ada@example.com", "password": _PASSPHRASE},
    "refresh_tokens": {"refresh_token": _CODE},
    "log_out": {"everywhere": True},
    "change_password": {"current_password": _PASSPHRASE, "new_password": "eight white herons at dawn"},
    "reset_password": {"email": "ada@example.com"},
    "confirm_password_reset": {"code": _CODE, "password": _PASSPHRASE},
    "change_account": {"name": "Ada Lovell", "notifications": {"application_received": {"mail": False}}},
    "confirm_email": {"code": _CODE},
    "change_company": {"name": "Example Works Ltd"},
    "change_member": {"role": "recruiter"},
    "invite_member": {"email": "rita@example.com", "role": "recruiter"},
    "accept_invitation": {"code": _CODE, "name": "Rita Recruiter", "password": _PASSPHRASE},
    "create_job": {
        "title": "Engineer",
        "description": "Builds what others plan.",
        "location": "Ghent",
        "remote": True,
        "employment_type": "full_time",
        "skills": ["python", "sql"],
        "must_have_skills": ["python"],
        "min_experience_years": 3,
        "salary_min": 50_000,
        "salary_max": 70_000,
        "currency": "EUR",
        "openings": 2,
        "status": "open",
        "screening": {"weights": {"skills": 60, "experience": 30, "salary": 10}, "threshold": 70},
    },
    "edit_job": {"location": "Antwerp", "salary_max": 75_000},
    "apply_for_job": {
        "skills": ["Python", "SQL"],
        "experience_years": 4,
        "expected_salary": 60_000,
        "currency": "EUR",
        "cover_letter": "I have built much of what you describe.",
        "source": "careers site",
    },
    "advance_application": {"stage": "screening", "note": "Called: starts in May at the earliest."},
    "reject_application": {"reason": "Others fit better.", "note": "Ask again next year."},
    "advance_applications": {"ids": [_SOMETHING, _ANOTHER], "stage": "screening"},
    "reject_applications": {"ids": [_SOMETHING, _ANOTHER], "reason": "All places are filled."},
    "move_application": {"job_id": _SOMETHING, "note": "Fits the other team better."},
    "screening_what_if": {"policy": {"threshold": 60, "must_have_skills": ["sql"]}},
    "add_comment": {"text": "Knows our field well."},
    "submit_scorecard": {
        "ratings": {"communication": 4, "craft": 5},
        "recommendation": "yes",
        "note": "Explained every decision.",
    },
    "read_notifications": {"up_to": _SOMETHING},
    "upload_resume": {"file": "(the content of resume.pdf)"},
}
"""By the id of the operation that takes it."""
