"""What the tool for machine-written posts says, in English and Italian."""

from __future__ import annotations

WORDS = {
    "title": {"en": "Machine-written posts", "it": "Post scritti da una macchina"},
    "about": {
        "en": "Whether short English posts, or an account's posts together, read as if a program had written them; and characters hidden in them.",
        "it": "Se dei brevi post in inglese, o i post di un account nel loro insieme, sembrano scritti da un programma; e i caratteri nascosti in essi.",
    },
    "machine-text-reading": {"en": "reading the posts", "it": "lettura dei post"},
    "machine-text-scoring": {"en": "examining the posts", "it": "esame dei post"},
    "machine-text-explaining": {"en": "looking for what moved the answer", "it": "ricerca di ciò che ha spostato la risposta"},
    "machine-text-is-machine": {"en": "reads as machine-written", "it": "sembra scritto da una macchina"},
    "machine-text-is-person": {"en": "reads as written by a person", "it": "sembra scritto da una persona"},
    "machine-text-is-unsure": {"en": "not decided", "it": "non deciso"},
    "machine-text-cannot-say": {"en": "cannot say", "it": "non si può dire"},
    "machine-text-accounts": {
        "en": ("{count} account reads as machine-written, of {all:,}", "{count} accounts read as machine-written, of {all:,}"),
        "it": ("{count} account sembra scritto da una macchina, su {all:,}", "{count} account sembrano scritti da una macchina, su {all:,}"),
    },
    "machine-text-together": {
        "en": (
            "{count} post examined. If all are of one account: probability {probability:.0%} of a machine.",
            "{count} posts examined together. If all are of one account: probability {probability:.0%} of a machine.",
        ),
        "it": (
            "{count} post esaminato. Se tutti sono di un solo account: probabilità {probability:.0%} di una macchina.",
            "{count} post esaminati insieme. Se tutti sono di un solo account: probabilità {probability:.0%} di una macchina.",
        ),
    },
    "machine-text-one": {
        "en": "One post: probability {probability:.0%} that a machine wrote it, where one in two is a machine's.",
        "it": "Un solo post: probabilità {probability:.0%} che l'abbia scritto una macchina, se lo è uno su due.",
    },
    "machine-text-errs": {
        "en": (
            "On accounts that it never saw, {error:.0%} of the answers from {count} post were wrong; {false_alarms:.1%} of people's were called "
            "machine-written, and {found:.0%} of the machines' were.",
            "On accounts that it never saw, {error:.0%} of the answers from {count} posts together were wrong; {false_alarms:.1%} of people's were called "
            "machine-written, and {found:.0%} of the machines' were.",
        ),
        "it": (
            "Su account mai visti, il {error:.0%} delle risposte da {count} post era sbagliato; è stato detto scritto da una macchina il {false_alarms:.1%} "
            "di quelli di persone e il {found:.0%} di quelli di macchine.",
            "Su account mai visti, il {error:.0%} delle risposte da {count} post insieme era sbagliato; è stato detto scritto da una macchina il "
            "{false_alarms:.1%} di quelli di persone e il {found:.0%} di quelli di macchine.",
        ),
    },
    "machine-text-set-aside": {
        "en": ("Of {count} post nothing can be said; why stands in its row.", "Of {count} posts nothing can be said; why stands in their rows."),
        "it": ("Di {count} post non si può dire nulla; il perché è nella sua riga.", "Di {count} post non si può dire nulla; il perché è nelle loro righe."),
    },
    "machine-text-hidden-found": {
        "en": (
            "{count} hidden or disguised character was taken out or put right before scoring. People hardly type them; programs do, to avoid being found.",
            "{count} hidden or disguised characters were taken out or put right before scoring. People hardly type them; programs do, to avoid being found.",
        ),
        "it": (
            "{count} carattere nascosto o camuffato è stato tolto o corretto prima della valutazione. Le persone raramente ne scrivono; i programmi sì, per "
            "non essere scoperti.",
            "{count} caratteri nascosti o camuffati sono stati tolti o corretti prima della valutazione. Le persone raramente ne scrivono; i programmi sì, per "
            "non essere scoperti.",
        ),
    },
    "machine-text-limits": {
        "en": "It learned from 40 English Twitter accounts and from machines of 2016 to 2020 (GPT-2, recurrent nets, Markov chains). Newer language models "
        "write otherwise and may not be found. It leans on links, names and hashtags, which "
        "people put in and machines of its time did not: whoever adds them deceives it. A hint that a post is worth a look, never a ground for acting against "
        "a person.",
        "it": "Ha imparato da 40 account Twitter in inglese e da macchine dal 2016 al 2020 (GPT-2, reti ricorrenti, catene di Markov). I modelli linguistici "
        "più recenti scrivono in altro modo e possono sfuggire. Si appoggia a link, nomi e hashtag, che le persone "
        "mettono e le macchine di allora no: chi li aggiunge lo inganna. Un indizio che un post merita uno sguardo, mai un motivo per agire contro "
        "una persona.",
    },
    "machine-text-posts": {"en": "Posts", "it": "Post"},
    "machine-text-read-as": {"en": "Read as", "it": "Letto come"},
    "machine-text-how-table": {"en": "a table, one post a row", "it": "una tabella, un post per riga"},
    "machine-text-how-json": {"en": "JSON, one post an entry", "it": "JSON, un post per elemento"},
    "machine-text-how-lines": {"en": "one post a line", "it": "un post per riga"},
    "machine-text-how-paragraphs": {"en": "posts between blank lines", "it": "post tra righe vuote"},
    "machine-text-how-whole": {"en": "one text", "it": "un solo testo"},
    "machine-text-given": {"en": "Posts given", "it": "Post forniti"},
    "machine-text-examined": {"en": "Posts examined", "it": "Post esaminati"},
    "machine-text-named-accounts": {"en": "Accounts", "it": "Account"},
    "machine-text-hidden": {"en": "Hidden characters", "it": "Caratteri nascosti"},
    "machine-text-soft-hyphen": {"en": "soft hyphens", "it": "trattini facoltativi"},
    "machine-text-zero-width": {"en": "characters without width", "it": "caratteri senza larghezza"},
    "machine-text-direction": {"en": "marks that change the direction of writing", "it": "segni che cambiano la direzione di scrittura"},
    "machine-text-reversed": {"en": "passages stored backwards", "it": "passaggi memorizzati al contrario"},
    "machine-text-homoglyph": {"en": "letters of other scripts that look Latin", "it": "lettere di altre scritture che sembrano latine"},
    "machine-text-styled-letter": {"en": "letters in another dress (mathematical, full width, ...)", "it": "lettere in altra veste (matematiche, larghe, ...)"},
    "machine-text-stacked-mark": {"en": "marks piled on letters", "it": "segni impilati sulle lettere"},
    "machine-text-variation": {"en": "variation selectors", "it": "selettori di variante"},
    "machine-text-control": {"en": "control characters", "it": "caratteri di controllo"},
    "machine-text-space": {"en": "unusual spaces", "it": "spazi insoliti"},
    "machine-text-signals": {"en": "What moved the answer", "it": "Che cosa ha spostato la risposta"},
    "machine-text-signal-letters": {"en": "runs of letters and words", "it": "sequenze di lettere e parole"},
    "machine-text-signal-length": {"en": "length", "it": "lunghezza"},
    "machine-text-signal-vocabulary": {"en": "length and variety of words", "it": "lunghezza e varietà delle parole"},
    "machine-text-signal-case": {"en": "capitals", "it": "maiuscole"},
    "machine-text-signal-marks": {"en": "punctuation and digits", "it": "punteggiatura e cifre"},
    "machine-text-signal-habits": {"en": "links, names, hashtags, emoji", "it": "link, nomi, hashtag, emoji"},
    "machine-text-signal-function-words": {"en": "function words", "it": "parole grammaticali"},
    "machine-text-signal-repetition": {"en": "repetition, and how well it packs", "it": "ripetizioni e comprimibilità"},
    "machine-text-signal-rhythm": {"en": "length of sentences", "it": "lunghezza delle frasi"},
    "machine-text-signal-rarity": {"en": "rare words", "it": "parole rare"},
    "machine-text-moved": {"en": "{moved:+.2f} (above 0: as a machine)", "it": "{moved:+.2f} (sopra 0: come una macchina)"},
    "machine-text-percent": {"en": "{share:.0%}", "it": "{share:.0%}"},
    "machine-text-percent-fine": {"en": "{share:.1%}", "it": "{share:.1%}"},
    "machine-text-changed": {
        "en": (
            "The writing of {count} account changes at one point: the table below says where. Of accounts that never change about {level:.0%} is named too.",
            "The writing of {count} accounts changes at one point: the table below says where. Of accounts that never change about {level:.0%} are named too.",
        ),
        "it": (
            "La scrittura di {count} account cambia in un punto: la tabella qui sotto dice dove. Viene indicato anche circa l'{level:.0%} degli account "
            "che non cambiano mai.",
            "La scrittura di {count} account cambia in un punto: la tabella qui sotto dice dove. Viene indicato anche circa l'{level:.0%} degli account "
            "che non cambiano mai.",
        ),
    },
    "machine-text-table-changes": {
        "en": "Accounts whose writing changes at one point: perhaps somebody else, or a program, took over; a new subject or habit does the same",
        "it": "Account la cui scrittura cambia in un punto: forse è subentrato qualcun altro, o un programma; un nuovo argomento o abitudine fa lo stesso",
    },
    "machine-text-plot-change": {
        "en": "Scores of the posts of {name}, in their order",
        "it": "Punteggi dei post di {name}, nel loro ordine",
    },
    "machine-text-plot-change-all": {"en": "Scores of the posts, in their order", "it": "Punteggi dei post, nel loro ordine"},
    "machine-text-change-after": {"en": "Changes after post", "it": "Cambia dopo il post"},
    "machine-text-change-between": {"en": "Likely between", "it": "Probabilmente tra"},
    "machine-text-change-from-to": {"en": "{low} and {high}", "it": "{low} e {high}"},
    "machine-text-change-when": {"en": "First post after it (UTC)", "it": "Primo post successivo (UTC)"},
    "machine-text-change-before": {"en": "Machine before", "it": "Macchina prima"},
    "machine-text-change-now": {"en": "Machine since", "it": "Macchina dopo"},
    "machine-text-change-order": {"en": "Order", "it": "Ordine"},
    "machine-text-change-dated": {"en": "by time", "it": "per data"},
    "machine-text-change-given": {"en": "as given: times are missing", "it": "come dato: mancano le date"},
    "machine-text-change-scores": {"en": "each post", "it": "ogni post"},
    "machine-text-change-means": {"en": "mean before and since", "it": "media prima e dopo"},
    "machine-text-change-number": {"en": "post", "it": "post"},
    "machine-text-change-score": {"en": "higher: more like a machine", "it": "più alto: più da macchina"},
    "machine-text-change-here": {"en": "the change", "it": "il cambio"},
    "machine-text-table-accounts": {"en": "Accounts, by probability", "it": "Account, per probabilità"},
    "machine-text-table-posts": {
        "en": "Posts in their order (at most {most}); a single post says little",
        "it": "Post nel loro ordine (al massimo {most}); un solo post dice poco",
    },
    "machine-text-table-hidden": {
        "en": "Characters taken out or put right (at most {most}), by their place",
        "it": "Caratteri tolti o corretti (al massimo {most}), con la posizione",
    },
    "machine-text-row": {"en": "Row", "it": "Riga"},
    "machine-text-account": {"en": "Account", "it": "Account"},
    "machine-text-begins": {"en": "Begins", "it": "Inizio"},
    "machine-text-probability": {"en": "Probability of a machine", "it": "Probabilità di una macchina"},
    "machine-text-answer": {"en": "Answer", "it": "Risposta"},
    "machine-text-wrongly": {"en": "People so flagged", "it": "Persone così segnalate"},
    "machine-text-place": {"en": "Character", "it": "Carattere"},
    "machine-text-found": {"en": "Found", "it": "Trovato"},
    "machine-text-became": {"en": "Became", "it": "Divenuto"},
    "machine-text-kind": {"en": "What it is", "it": "Che cos'è"},
    "machine-text-marked": {"en": "Row {row}: what moved the answer", "it": "Riga {row}: che cosa ha spostato la risposta"},
    "machine-text-toward-machine": {"en": "as machines write", "it": "come scrivono le macchine"},
    "machine-text-toward-person": {"en": "as people write", "it": "come scrivono le persone"},
    "machine-text-shown": {"en": "Row {row} as it came, hidden characters written out", "it": "Riga {row} com'è arrivata, con i caratteri nascosti scritti"},
}
