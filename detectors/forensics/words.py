"""What picture forensics says, in English and Italian."""

from __future__ import annotations

WORDS = {
    "title": {"en": "Picture forensics", "it": "Analisi forense di un'immagine"},
    "about": {
        "en": "Classical traces of editing in a picture file: earlier saves, copied, pasted or resized parts. Hints for an examiner.",
        "it": "Tracce classiche di modifica in un file immagine: salvataggi precedenti, parti copiate, incollate o ridimensionate. Indizi per un esaminatore.",
    },
    "forensics-reading": {"en": "reading the picture", "it": "lettura dell'immagine"},
    "forensics-measuring": {"en": "measuring", "it": "misurazione"},
    "forensics-drawing": {"en": "drawing the maps", "it": "disegno delle mappe"},
    "forensics-signs": {
        "en": ("{count} hint of editing", "{count} hints of editing"),
        "it": ("{count} indizio di modifica", "{count} indizi di modifica"),
    },
    "forensics-no-signs": {"en": "no hints of editing found", "it": "nessun indizio di modifica trovato"},
    "forensics-nothing-to-say": {"en": "nothing can be said", "it": "non si può dire nulla"},
    "forensics-rest": {
        "en": (
            "{count} technique found nothing; that does not prove that nothing was edited.",
            "{count} techniques found nothing; that does not prove that nothing was edited.",
        ),
        "it": (
            "{count} tecnica non ha trovato nulla; ciò non prova che nulla sia stato modificato.",
            "{count} tecniche non hanno trovato nulla; ciò non prova che nulla sia stato modificato.",
        ),
    },
    "forensics-silent": {
        "en": (
            "{count} technique cannot say anything of this file; why stands below.",
            "{count} techniques cannot say anything of this file; why stands below.",
        ),
        "it": (
            "{count} tecnica non può dire nulla di questo file; il perché è qui sotto.",
            "{count} tecniche non possono dire nulla di questo file; il perché è qui sotto.",
        ),
    },
    "forensics-errs": {
        "en": "The thresholds are set for one harmless picture in a hundred. Error level and noise were measured too weak to count as hints. All are "
        "hints for an "
        "examiner and change no other tool's answer.",
        "it": "Le soglie sono poste per un'immagine innocua su cento. Livello di errore e rumore sono risultati troppo deboli per contare come "
        "indizi. Sono indizi per "
        "un esaminatore e non cambiano la risposta di alcun altro strumento.",
    },
    "forensics-cut": {
        "en": "Only the middle of {width} x {height} pixels was examined: the picture is larger.",
        "it": "È stato esaminato solo il centro di {width} x {height} pixel: l'immagine è più grande.",
    },
    "forensics-is-found": {"en": "found", "it": "trovato"},
    "forensics-is-weak": {"en": "a place stands out; measured, that is no hint", "it": "una zona spicca; alla prova dei fatti non è un indizio"},
    "forensics-is-nothing": {"en": "nothing found", "it": "nulla trovato"},
    "forensics-is-silent": {"en": "cannot say", "it": "non si può dire"},
    "forensics-is-fact": {"en": "read", "it": "letto"},
    "forensics-outcome": {"en": "Result", "it": "Esito"},
    "forensics-why": {"en": "Why", "it": "Perché"},
    "forensics-score": {"en": "Score", "it": "Punteggio"},
    "forensics-threshold": {"en": "Threshold", "it": "Soglia"},
    "forensics-limit": {"en": "What it does not show", "it": "Che cosa non mostra"},
    "forensics-too-small": {
        "en": "The picture is too small for statistics of its blocks.",
        "it": "L'immagine è troppo piccola per statistiche sui suoi blocchi.",
    },
    "forensics-colours": {
        "en": "This kind of JPEG (CMYK, or more than 8 bits a sample) does not give its blocks back.",
        "it": "Questo tipo di JPEG (CMYK, o più di 8 bit per campione) non restituisce i suoi blocchi.",
    },
    "forensics-flat": {"en": "The picture has no detail to measure.", "it": "L'immagine non ha dettagli da misurare."},
    "forensics-noise-none": {"en": "The picture has no noise to compare.", "it": "L'immagine non ha rumore da confrontare."},
    "forensics-few-points": {"en": "Too few points of detail were found.", "it": "Sono stati trovati troppo pochi punti di dettaglio."},
    "forensics-no-tables": {
        "en": "A {kind} has no quantisation tables, so its last save and an earlier one cannot be read from them.",
        "it": "Un {kind} non ha tabelle di quantizzazione: non se ne ricavano l'ultimo salvataggio né uno precedente.",
    },
    "forensics-tables-missing": {"en": "The file holds no quantisation tables.", "it": "Il file non contiene tabelle di quantizzazione."},
    "forensics-thumbnail-none": {
        "en": "The file holds no thumbnail to compare; most sites and messengers remove it.",
        "it": "Il file non contiene una miniatura da confrontare; la maggior parte dei siti e dei servizi di messaggistica la toglie.",
    },
    "forensics-thumbnail-large": {
        "en": "The picture is larger than what is examined, so its thumbnail was not compared.",
        "it": "L'immagine è più grande di quanto si esamina, quindi la miniatura non è stata confrontata.",
    },
    "forensics-thumbnail-damaged": {"en": "The thumbnail cannot be decoded.", "it": "La miniatura non si può decodificare."},
    "forensics-family": {"en": "Tables", "it": "Tabelle"},
    "forensics-tables-standard": {"en": "standard (libjpeg)", "it": "standard (libjpeg)"},
    "forensics-tables-own": {
        "en": "neither libjpeg's nor one of Photoshop's presets: a camera, a phone or another program",
        "it": "né di libjpeg né una delle impostazioni di Photoshop: una fotocamera, un telefono o un altro programma",
    },
    "forensics-quality": {"en": "Quality, as libjpeg counts (estimated)", "it": "Qualità, nella scala di libjpeg (stimata)"},
    "forensics-sampling": {"en": "Colour sampling", "it": "Campionamento del colore"},
    "forensics-progressive": {"en": "Progressive", "it": "Progressivo"},
    "forensics-earlier-quality": {"en": "Best fit at quality (estimated)", "it": "Migliore corrispondenza alla qualità (stimata)"},
    "forensics-ghost-quality": {"en": "Best fit of a place at quality (estimated)", "it": "Migliore corrispondenza di una zona alla qualità (stimata)"},
    "forensics-thumbnail-size": {"en": "Size of the thumbnail in pixels", "it": "Dimensioni della miniatura in pixel"},
    "forensics-thumbnail-shape": {"en": "Same shape as the picture", "it": "Stesse proporzioni dell'immagine"},
    "forensics-part-tables": {"en": "Quantisation tables", "it": "Tabelle di quantizzazione"},
    "forensics-part-double": {"en": "Earlier save (double compression)", "it": "Salvataggio precedente (doppia compressione)"},
    "forensics-part-thumbnail": {"en": "Thumbnail against picture", "it": "Miniatura e immagine a confronto"},
    "forensics-part-ghosts": {"en": "JPEG ghosts", "it": "Fantasmi JPEG"},
    "forensics-part-error-level": {"en": "Error level", "it": "Livello di errore"},
    "forensics-part-noise": {"en": "Noise residual", "it": "Residuo di rumore"},
    "forensics-part-resampling": {"en": "Resampling", "it": "Ricampionamento"},
    "forensics-part-copy-move": {"en": "Copied parts (copy-move)", "it": "Parti copiate (copy-move)"},
    "forensics-found-double": {
        "en": "The whole picture was saved as a JPEG before (at a quality of about {quality}, if lower). Every re-save does that; it is no sign of editing.",
        "it": "L'intera immagine era già stata salvata come JPEG (a qualità circa {quality}, se inferiore). Ogni nuovo salvataggio lo fa; non è segno "
        "di modifica.",
    },
    "forensics-found-thumbnail": {
        "en": "The thumbnail shows something else than the picture does in at least one place.",
        "it": "In almeno un punto la miniatura mostra qualcosa di diverso dall'immagine.",
    },
    "forensics-found-ghosts": {
        "en": "A place of the picture had been saved at a lower quality (about {quality}) before the rest was.",
        "it": "Una zona dell'immagine era stata salvata a qualità inferiore (circa {quality}) rispetto al resto.",
    },
    "forensics-found-resampling": {
        "en": "The picture, or much of it, was enlarged, turned or otherwise resampled.",
        "it": "L'immagine, o gran parte di essa, è stata ingrandita, ruotata o comunque ricampionata.",
    },
    "forensics-found-copy-move": {
        "en": "Two areas hold the same detail under one shift, turn and scale: one may be a copy of the other.",
        "it": "Due zone contengono lo stesso dettaglio con un unico spostamento, rotazione e scala: una può essere copia dell'altra.",
    },
    "forensics-limit-tables": {
        "en": "They tell which program saved last, not what it did; anybody can choose tables.",
        "it": "Indicano quale programma ha salvato per ultimo, non che cosa ha fatto; chiunque può scegliere le tabelle.",
    },
    "forensics-limit-double": {
        "en": "An earlier save on another grid of blocks, before a resize or at nearly the same quality leaves no such trace; messengers and phones "
        "re-save as well.",
        "it": "Un salvataggio su un'altra griglia di blocchi, prima di un ridimensionamento o a qualità quasi uguale non lascia questa traccia; anche "
        "telefoni e "
        "servizi di messaggistica risalvano.",
    },
    "forensics-limit-thumbnail": {
        "en": "Many programs renew or remove the thumbnail; some phones make it before they brighten the picture. Agreement proves nothing.",
        "it": "Molti programmi rinnovano o tolgono la miniatura; alcuni telefoni la creano prima di schiarire l'immagine. La concordanza non prova nulla.",
    },
    "forensics-limit-ghosts": {
        "en": "A pasted part shows only if its earlier quality was lower and its blocks lie on the picture's grid, which by chance is one in 64. Measured, one "
        "in 15 harmless pictures re-saved at 75 or 85 was flagged.",
        "it": "Una parte incollata si vede solo se la sua qualità precedente era inferiore e i suoi blocchi cadono sulla griglia dell'immagine: "
        "per caso, una volta su 64. Alle misure è stata segnalata un'immagine innocua su 15 fra quelle risalvate a 75 o 85.",
    },
    "forensics-limit-error-level": {
        "en": "Measured, this score found hardly more pasted parts than it flags untouched pictures: use the map, and trust no “nothing found”. Sharp "
        "edges and fine "
        "texture light up in every picture.",
        "it": "Alle misure questo punteggio ha trovato poche più parti incollate di quante immagini intatte segnali: usare la mappa e non fidarsi di "
        "un «nulla "
        "trovato». Bordi netti e trame fini si accendono in ogni immagine.",
    },
    "forensics-limit-noise": {
        "en": "Measured, this score found hardly more changed parts than it flags untouched pictures: use the map, and trust no “nothing found”. "
        "Focus, shadow and "
        "compression change the noise as well.",
        "it": "Alle misure questo punteggio ha trovato poche più parti alterate di quante immagini intatte segnali: usare la mappa e non fidarsi di "
        "un «nulla "
        "trovato». Anche messa a fuoco, ombra e compressione cambiano il rumore.",
    },
    "forensics-limit-resampling": {
        "en": "Phones and messengers resize as well; making smaller and strong compression hide it. Small parts are not searched one by one.",
        "it": "Anche telefoni e servizi di messaggistica ridimensionano; la riduzione e una forte compressione lo nascondono. "
        "Le parti piccole non si cercano una per una.",
    },
    "forensics-limit-copy-move": {
        "en": "Windows, columns, tiles and print repeat by themselves; smooth copies (sky, wall) and mirrored ones are not found.",
        "it": "Finestre, colonne, piastrelle e stampe si ripetono da sole; non si trovano copie lisce (cielo, muro) né speculari.",
    },
    "forensics-evidence-thumbnail": {
        "en": "From left: the picture reduced, its thumbnail, and where they differ (light)",
        "it": "Da sinistra: l'immagine ridotta, la sua miniatura e dove differiscono (chiaro)",
    },
    "forensics-evidence-ghosts": {
        "en": "JPEG ghost at the quality where a place fits best: light places fit that earlier save, dark ones do not",
        "it": "Fantasma JPEG alla qualità in cui una zona corrisponde meglio: le zone chiare corrispondono a quel salvataggio, le scure no",
    },
    "forensics-evidence-error-level": {
        "en": "Error level after a save at quality 90: light places change most. Compare places of equal detail only",
        "it": "Livello di errore dopo un salvataggio a qualità 90: le zone chiare cambiano di più. Confrontare solo zone di uguale dettaglio",
    },
    "forensics-evidence-noise": {
        "en": "Strength of the fine noise in blocks of 16 pixels: light is strong",
        "it": "Intensità del rumore fine in blocchi di 16 pixel: chiaro è forte",
    },
    "forensics-evidence-resampling": {
        "en": "Spectrum of how well neighbours predict each pixel: single light points away from the middle are traces of resampling",
        "it": "Spettro di quanto bene i vicini predicono ogni pixel: punti chiari isolati lontano dal centro sono tracce di ricampionamento",
    },
    "forensics-evidence-copy-move": {
        "en": "The two areas that hold the same detail, outlined, and points that correspond, joined",
        "it": "Le due zone con lo stesso dettaglio, contornate, e i punti corrispondenti, uniti",
    },
    "forensics-evidence-histogram": {
        "en": "How often each step of the first coefficient occurs: gaps or peaks at regular distances show an earlier save",
        "it": "Frequenza di ogni passo del primo coefficiente: vuoti o picchi a distanze regolari mostrano un salvataggio precedente",
    },
    "forensics-step": {"en": "Step of the coefficient", "it": "Passo del coefficiente"},
    "forensics-blocks": {"en": "Blocks", "it": "Blocchi"},
}
