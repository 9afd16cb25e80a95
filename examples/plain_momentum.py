from logreg_parity.truth import reference

devices, versions, evaluate = reference.devices, reference.versions, reference.evaluate


def train(*arguments, nesterov, **options):  # Nesterov's look-ahead is forgotten
    return reference.train(*arguments, **options)
