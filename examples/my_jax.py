import jax
import jax.numpy as jnp


def build():
    return loss


def tanh_gelu():
    return lambda params, batch: loss(params, batch, approximate=True)


def summed():
    return lambda params, batch: len(batch["x"]) * loss(params, batch)


def other_epsilon():
    return lambda params, batch: loss(params, batch, epsilon=1e-6)


def sample_variance():
    return lambda params, batch: loss(params, batch, ddof=1)


def frozen():
    return lambda params, batch: loss({**params, "norm": jax.lax.stop_gradient(params["norm"])}, batch)


def loss(params, batch, approximate=False, epsilon=1e-5, ddof=0):
    h = batch["x"] @ params["first"]["w"] + params["first"]["b"]
    h = (h - h.mean(1, keepdims=True)) / jnp.sqrt(h.var(1, keepdims=True, ddof=ddof) + epsilon)
    h = jax.nn.gelu(h * params["norm"]["scale"] + params["norm"]["shift"], approximate=approximate)
    z = h @ params["last"]["w"] + params["last"]["b"]
    return -jnp.take_along_axis(jax.nn.log_softmax(z), batch["y"][:, None], axis=1).mean()
