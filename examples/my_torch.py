import torch


def build():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.GELU(), torch.nn.Linear(8, 3))
    return model, loss


def loss(model, batch):
    return torch.nn.functional.cross_entropy(model(batch["x"]), batch["y"])
