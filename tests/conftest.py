"""What every test begins with."""
import signal


def pytest_configure():
    """Signals do what they do by default. A shell that starts the tests in the background ignores
    some, the program keeps to that, and tests that interrupt it would wait in vain."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
