"""What every test begins with."""
import os
import signal

# What a person may have set for the program. A test sets what it is about; DIFFEDIT_CPU and
# DIFFEDIT_VULKAN stay, since they choose what is tested.
SETTINGS = ["DIFFEDIT_MODEL", "DIFFEDIT_DEVICE", "DIFFEDIT_TOKEN", "DIFFEDIT_REDIS_PASSWORD",
            "DIFFEDIT_VULKAN_SOFTWARE"]
# and for what it talks to; whoever that is in a test, it is on this machine
PROXIES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]


def pytest_configure():
    """Signals do what they do by default. A shell that starts the tests in the background ignores
    some, the program keeps to that, and tests that interrupt it would wait in vain."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT
                          else signal.SIG_DFL)
    for name in list(os.environ):
        if name in SETTINGS or name.startswith("AWS_") or name.lower() in PROXIES:
            del os.environ[name]
