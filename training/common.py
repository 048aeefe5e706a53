"""What both training stages share: settings of the device, time, averaged weights, checkpoints, the
log."""
import copy
import datetime
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

WORK = Path(os.environ.get("POCKET_WORK", Path.home() / ".cache/diffedit-pocket"))


def add_update_arguments(parser, log_every, save_every):
    """Of the trainings by many updates."""
    parser.add_argument("--bf16", action="store_true",
                        help="compute in bfloat16 where the processor is faster so")
    parser.add_argument("--log-every", type=int, default=log_every)
    parser.add_argument("--save-every", type=int, default=save_every)


def add_arguments(parser, minutes):
    parser.add_argument("--work", type=Path, default=WORK,
                        help="folder of checkpoints and logs [%(default)s]")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--minutes", type=float, default=minutes,
                        help="training time in all [%(default)s]")
    parser.add_argument("--until", metavar="HH:MM", help="instead: stop at this local time")
    parser.add_argument("--batch", type=int, help="scenes in one update [by device]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true",
                        help="let torch compile the network (needs g++; minutes once)")


def prepare(options):
    torch.manual_seed(options.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    options.work.mkdir(parents=True, exist_ok=True)


def end_time(options, spent):
    """When to stop, in seconds of the clock. Time spent before a stop counts."""
    if not options.until:
        return time.time() + options.minutes * 60 - spent
    clock = datetime.datetime.strptime(options.until, "%H:%M").time()
    return datetime.datetime.combine(datetime.date.today(), clock).timestamp()


class Pace:
    """A learning rate that follows the wall clock: it warms up, then falls as a cosine to 2 % at
    the end."""

    def __init__(self, peak, warm_up, spent, end):
        self.peak, self.warm_up, self.end = peak, warm_up, end
        self.start = time.time() - spent

    def spent(self):
        return time.time() - self.start

    def over(self):
        return time.time() >= self.end

    def rate(self, step):
        share = min(1.0, self.spent() / max(1e-9, self.end - self.start))
        cosine = 0.5 * (1 + math.cos(math.pi * share))
        return self.peak * min(1.0, step / self.warm_up) * (0.02 + 0.98 * cosine)


class Average:
    """The running mean of a network's weights, which is better than the last weights."""

    def __init__(self, network, decay):
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network, step):
        weight = 1 - min(self.decay, step / (step + 10))
        for mean, value in zip(self.network.parameters(), network.parameters()):
            mean.lerp_(value, weight)


class Workers(ThreadPoolExecutor):
    """One thread for each core, which computes its own share of a batch.

    Threads that meet after every layer wait for the slowest: on cores that others use too
    they are slower than one alone. A GPU gets the batch whole.
    """

    def __init__(self, device):
        self.shares = 1 if device == "cuda" else len(os.sched_getaffinity(0))
        if device == "cpu":
            torch.set_num_threads(1)
        super().__init__(self.shares, initializer=torch.set_num_threads,
                         initargs=(torch.get_num_threads(),))


class Descent:
    """Updates of a network. `loss_of` takes the tensors of a share, each with the batch in front,
    and returns the loss and any other numbers."""

    def __init__(self, loss_of, parameters, peak, options, workers, **adam):
        self.workers = workers
        self.loss_of = torch.compile(loss_of, dynamic=False) if options.compile else loss_of
        self.parameters = list(parameters)
        self.optimizer = torch.optim.AdamW(self.parameters, peak, betas=(0.9, 0.99), fused=True,
                                           **adam)
        self.first = True

    def share(self, tensors):
        loss, *more = self.loss_of(*tensors)
        gradients = torch.autograd.grad(loss, self.parameters)
        return gradients, [float(value.detach()) for value in (loss, *more)]

    def step(self, tensors, rate):
        """The mean of the numbers over the shares."""
        shares = list(zip(*[value.chunk(self.workers.shares) for value in tensors]))
        run = map if self.first else self.workers.map      # one thread compiles
        results = list(run(self.share, shares))
        self.first = False
        total = list(results[0][0])
        for slopes, _ in results[1:]:
            torch._foreach_add_(total, slopes)
        torch._foreach_div_(total, len(results))
        for parameter, slope in zip(self.parameters, total):
            parameter.grad = slope
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return [sum(values) / len(values) for values in zip(*[numbers for _, numbers in results])]


def save(state, path):
    """A stop in the middle leaves the checkpoint before it whole."""
    temporary = path.with_suffix(".new")
    torch.save(state, temporary)
    os.replace(temporary, path)


def load(path):
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


class Log:
    """One line every so many updates, to the terminal and to a file."""

    def __init__(self, path, every):
        self.path, self.every, self.mean = path, every, None

    def add(self, step, seconds, rate, loss, **more):
        self.mean = loss if self.mean is None else 0.98 * self.mean + 0.02 * loss
        if step % self.every:
            return
        values = "".join(f" {name} {value:.4g}" for name, value in more.items())
        line = f"{step} {seconds:.0f}s loss {self.mean:.4f}{values} rate {rate:.1e}"
        print(line, flush=True)
        with open(self.path, "a") as file:
            file.write(line + "\n")
