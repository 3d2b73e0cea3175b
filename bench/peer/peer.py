"""Speed of PyTorch on the networks that `qif bench step` measures.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python peer.py --net small --mode train                # SpikingJelly, fp32
    venv/bin/python peer.py --net resnet19-128 --mode infer \
        --neuron fused --precision bf16 --channels-last --compile    # the fastest known

Prints one JSON object with the keys of `qif bench step --json` that apply:
samples_per_second at the median step, peak_rss_bytes, seconds_per_step.

The networks are those of the zoo, layer by layer: LIF u[t] = u[t-1]/2 + x[t],
threshold 1, detached hard reset to 0, batch normalisation over batch and time
before every layer of neurons. Values are [T·N, C, H, W]; images are repeated
over T. The neuron is SpikingJelly's LIFNode, or `fused`: the same recurrence
written out over T, for the compiler to fuse.
"""

import argparse
import json
import math
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

LEAK, THRESHOLD, SURROGATE_SLOPE = 0.5, 1.0, 4.0


class Heaviside(torch.autograd.Function):
    """A spike where x >= 0; backwards the derivative of a sigmoid."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(SURROGATE_SLOPE * x)
        return grad * (SURROGATE_SLOPE * s * (1 - s))


class FusedLIF(nn.Module):
    """The recurrence and nothing else."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        frames = x.unflatten(0, (self.steps, -1)).unbind(0)
        spikes, v = [], None
        for x_t in frames:
            u = x_t if v is None else LEAK * v + x_t
            s = Heaviside.apply(u - THRESHOLD)
            v = u * (1 - s.detach())
            spikes.append(s)
        return torch.cat(spikes)


class SpikingJellyLIF(nn.Module):
    def __init__(self, steps):
        super().__init__()
        from spikingjelly.activation_based import neuron, surrogate

        self.steps = steps
        self.node = neuron.LIFNode(
            tau=1 / (1 - LEAK), decay_input=False, v_threshold=THRESHOLD, v_reset=0.0, detach_reset=True,
            surrogate_function=surrogate.Sigmoid(SURROGATE_SLOPE), step_mode="m",
        )

    def forward(self, x):
        self.node.reset()
        return self.node(x.unflatten(0, (self.steps, -1))).flatten(0, 1)


def scaled(norm, alpha):
    """tdBN: batch normalisation to a deviation of alpha times the threshold."""
    nn.init.constant_(norm.weight, alpha * THRESHOLD)
    return norm


def conv(inputs, outputs, kernel=3, stride=1, alpha=1.0):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        scaled(nn.BatchNorm2d(outputs), alpha),
    )


def head(features, classes, neurons, fixed_scale=False):
    norm = scaled(nn.BatchNorm1d(256), 1.0)
    norm.weight.requires_grad = not fixed_scale
    return [nn.Flatten(), nn.Linear(features, 256, bias=False), norm, neurons(), nn.Linear(256, classes)]


class Residual(nn.Module):
    """A basic block: the addition comes before the second layer of neurons."""

    def __init__(self, inputs, outputs, stride, neurons):
        super().__init__()
        alpha = 1 / math.sqrt(2)
        self.main = nn.Sequential(
            conv(inputs, outputs, stride=stride), neurons(), conv(outputs, outputs, alpha=alpha),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = conv(inputs, outputs, kernel=1, stride=stride, alpha=alpha)
        self.neurons = neurons()

    def forward(self, x):
        return self.neurons(self.main(x) + self.shortcut(x))


def small(neurons):
    layers, channels = [], 1
    for outputs, pool in ((64, False), (64, True), (128, False), (128, True)):
        layers += [conv(channels, outputs), neurons()]
        if pool:
            layers.append(nn.AvgPool2d(2))
        channels = outputs
    return nn.Sequential(*layers, *head(channels * 7 * 7, 10, neurons))


def resnet19(stem, neurons):
    layers, channels = [conv(3, stem), neurons()], stem
    for outputs, blocks, stride in ((128, 3, 1), (256, 3, 2), (512, 2, 2)):
        for k in range(blocks):
            layers.append(Residual(channels, outputs, stride if k == 0 else 1, neurons))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), *head(channels, 10, neurons, fixed_scale=True))


NETS = {  # builder, shape of an image, batch
    "small": (small, (1, 28, 28), 64),
    "resnet19": (lambda neurons: resnet19(64, neurons), (3, 32, 32), 16),
    "resnet19-128": (lambda neurons: resnet19(128, neurons), (3, 32, 32), 16),
}
NEURONS = {"spikingjelly": SpikingJellyLIF, "fused": FusedLIF}


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--net", choices=NETS, default="small")
    p.add_argument("--mode", choices=("train", "infer"), default="train")
    p.add_argument("--neuron", choices=NEURONS, default="spikingjelly")
    p.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--compile", action="store_true", help="by torch.compile, which needs a C++ compiler")
    p.add_argument("--batch", type=int, help="default: 64, for resnet19 16")
    p.add_argument("--steps", type=int, default=4, help="time steps T")
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--warmup", type=int, default=2, help="steps before those that count")
    p.add_argument("--repeat", type=int, default=5, help="steps that count")
    a = p.parse_args()
    if min(a.steps, a.threads, a.repeat) < 1 or a.warmup < 0 or (a.batch is not None and a.batch < 1):
        p.error("--steps, --threads, --repeat and --batch must be at least 1, --warmup at least 0")
    return a


def stepper(a, net, shape, batch):
    """A function that runs one step."""
    x = torch.rand(batch, *shape).repeat(a.steps, 1, 1, 1)
    y = torch.randint(0, 10, (batch,))
    if a.channels_last:
        net = net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    forward = torch.compile(net) if a.compile else net
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=0.01)

    def autocast():
        return torch.autocast("cpu", torch.bfloat16, enabled=a.precision == "bf16")

    @torch.no_grad()
    def infer():
        with autocast():
            forward(x)

    def train():
        with autocast():
            logits = forward(x).unflatten(0, (a.steps, -1)).mean(0)
        loss = F.cross_entropy(logits.float(), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return train if a.mode == "train" else infer


def peak_rss():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    build, shape, batch = NETS[a.net]
    batch = a.batch or batch
    net = build(lambda: NEURONS[a.neuron](a.steps)).train(a.mode == "train")
    step = stepper(a, net, shape, batch)
    for _ in range(a.warmup):
        step()
    seconds = []
    for _ in range(a.repeat):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({
        "net": a.net, "mode": a.mode, "batch": batch, "steps": a.steps, "precision": a.precision,
        "threads": a.threads, "engine": f"torch {torch.__version__}", "neuron": a.neuron,
        "channels_last": a.channels_last, "compile": a.compile,
        "parameters": sum(p.numel() for p in net.parameters() if p.requires_grad),
        "samples_per_second": batch / statistics.median(seconds),
        "peak_rss_bytes": peak_rss(), "seconds_per_step": seconds,
    }))


if __name__ == "__main__":
    main()
