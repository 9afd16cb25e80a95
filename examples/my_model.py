import numpy as np
import torch

from logreg_parity import Evaluation, History, Parameters


def devices():
    return ("cpu",)


def versions():
    return {"torch": torch.__version__}


def evaluate(dataset, parameters, *, l2, reduction, dtype, device):
    X, y, model = load(dataset, parameters, dtype)
    z = model(X)[:, 0]
    objective(model, X, y, l2, reduction).backward()
    gradient = Parameters(model.weight.grad[0].numpy(), model.bias.grad[0].numpy())
    losses = torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    value, p = objective(model, X, y, l2, reduction).item(), torch.sigmoid(z).detach().numpy()
    return Evaluation(z.detach().numpy(), losses.detach().numpy(), value, gradient, p, (p > 0.5).astype(int))


def train(dataset, start, *, steps, learning_rate, batches, record, keep, l2, reduction, dtype, device):
    X, y, model = load(dataset, start, dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    points, losses = [point(model)], []
    for step in range(steps):
        rows = slice(None) if batches is None else batches[step]
        optimizer.zero_grad()
        before = objective(model, X[rows], y[rows], l2, reduction)
        before.backward()
        optimizer.step()
        points.append(point(model))
        losses.append((before if record == "before" else objective(model, X[rows], y[rows], l2, reduction)).item())
    weights, biases = zip(*points, strict=True)
    return History(losses, record, range(steps + 1), np.array(weights), np.array(biases))


def load(dataset, parameters, dtype):
    X, y, weight, bias = (
        torch.tensor(array, dtype=getattr(torch, dtype)) for array in (dataset.X, dataset.y, *parameters)
    )
    model = torch.nn.Linear(dataset.n_features, 1, dtype=X.dtype)
    model.load_state_dict({"weight": weight[None], "bias": bias[None]})
    return X, y, model


def objective(model, X, y, l2, reduction):
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(X)[:, 0], y, reduction=reduction)
    return loss + (l2 / 2 * model.weight * model.weight).sum()


def point(model):
    return Parameters(model.weight[0].detach().numpy().copy(), model.bias[0].item())
