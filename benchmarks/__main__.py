"""All benchmarks, one after the other: `python -m benchmarks`."""

from benchmarks import append, http, logins, mail, projections, relevance, report, screening, search

report.run(
    "Every benchmark of the README.",
    [
        append.measure,
        projections.measure,
        http.measure,
        search.measure,
        relevance.measure,
        screening.measure,
        mail.measure,
        logins.flood,
        logins.times,
    ],
)
