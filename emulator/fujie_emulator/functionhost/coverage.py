"""What COVERAGE.md says of the host that runs functions."""

from fujie_emulator.core.coverage import Coverage, Note, noted

COVERAGE = Coverage(
    title="function host (HTTP triggers, custom and built-in runtimes)",
    source="documented",
    done=lambda: ("HttpTrigger", "Invoke", "AsynchronousInvoke"),
    notes=noted("HttpTrigger", Note(partly="WebSockets of custom runtimes, without compression"))
    | noted("Invoke", Note(partly="/initialize and /pre-stop are not called")),
    inventions=(
        "Functions and the origin's routes are declared by `PUT /_fujie/functions/{name}` and `PUT /_fujie/routes`.",
        "A body over 32 MB (128 KB when asynchronous) is refused with 413; the documentation says 400.",
        "An event failed when `x-fc-status` is 400 or more; without that header the HTTP status decides.",
    ),
)
