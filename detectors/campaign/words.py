"""Every sentence of the campaign tool, in English and Italian."""

from __future__ import annotations

WORDS = {
    "title": {"en": "Campaign view", "it": "Vista di campagna"},
    "about": {
        "en": "Many posts together: the same text or link again, who posts it in time with whom, and whether chance would do that too.",
        "it": "Molti post insieme: lo stesso testo o link che ritorna, chi lo pubblica a tempo con chi, e se lo farebbe anche il caso.",
    },
    "campaign-reading": {"en": "reading the posts", "it": "lettura dei post"},
    "campaign-grouping": {"en": "looking for what comes again", "it": "ricerca di ciò che ritorna"},
    "campaign-timing": {"en": "comparing times with chance", "it": "confronto dei tempi con il caso"},
    "campaign-scoring": {"en": "scoring accounts as machine-written", "it": "punteggio degli account come scritti da macchine"},
    "campaign-techniques-reading": {"en": "looking for persuasion techniques", "it": "ricerca delle tecniche di persuasione"},
    "campaign-found": {
        "en": ("{count} account posts in time with others beyond chance", "{count} accounts post in time with each other beyond chance"),
        "it": ("{count} account pubblica a tempo con altri più del caso", "{count} account pubblicano a tempo tra loro più del caso"),
    },
    "campaign-none": {
        "en": "no coordination beyond chance found: this proves nothing",
        "it": "nessun coordinamento oltre il caso trovato: ciò non prova nulla",
    },
    "campaign-cannot-say": {"en": "cannot say whether accounts act together", "it": "impossibile dire se gli account agiscono insieme"},
    "campaign-sets": {
        "en": ("{count} set of accounts; the largest has {largest}.", "{count} sets of accounts; the largest has {largest}."),
        "it": ("{count} gruppo di account; il più grande ne ha {largest}.", "{count} gruppi di account; il più grande ne ha {largest}."),
    },
    "campaign-best-pair": {
        "en": "For example {first} and {second}: {together} times within {window:.0f} seconds, where chance gives {expected:.1f}.",
        "it": "Per esempio {first} e {second}: {together} volte entro {window:.0f} secondi, dove il caso ne dà {expected:.1f}.",
    },
    "campaign-repeats": {
        "en": ("{count} text or link comes again.", "{count} texts or links come again."),
        "it": ("{count} testo o link ritorna.", "{count} testi o link ritornano."),
    },
    "campaign-null": {
        "en": "Chance means: every post moved by up to {minutes:.0f} minutes, all else as it is, {draws} times. "
        "People who cheer on the same evening meet that often too.",
        "it": "Il caso significa: ogni post spostato fino a {minutes:.0f} minuti, il resto com'è, {draws} volte. "
        "Anche chi tifa la stessa sera si incontra altrettanto spesso.",
    },
    "campaign-errs": {
        "en": "How often it errs: on made-up campaigns among real texts the card gives the figures. Accounts that share fewer than {least} moments "
        "cannot be found, nor can campaigns that leave more than a minute between posts. "
        "Who runs the accounts is not shown, nor whether what they write is true.",
        "it": "Quanto spesso sbaglia: la scheda riporta le cifre su campagne costruite tra testi veri. Non si trovano account che condividono meno di "
        "{least} momenti, né campagne che lasciano più di un minuto tra i post. Non si vede chi gestisce gli account, né se ciò che scrivono è vero.",
    },
    "campaign-no-accounts": {
        "en": "No column names the accounts: who acts with whom cannot be asked.",
        "it": "Nessuna colonna dice gli account: non si può chiedere chi agisce con chi.",
    },
    "campaign-no-times": {
        "en": "No column gives the times (or none could be read as dates): who acts in time cannot be asked.",
        "it": "Nessuna colonna dice i tempi (o nessuno si legge come data): non si può chiedere chi agisce a tempo.",
    },
    "campaign-few": {
        "en": "There are too few posts by different accounts: {accounts} accounts, {posts} posts with a time.",
        "it": "I post di account diversi sono troppo pochi: {accounts} account, {posts} post con un orario.",
    },
    "campaign-untimed": {
        "en": ("{count} post has no account or no time that can be read.", "{count} posts have no account or no time that can be read."),
        "it": ("{count} post non ha account o orario leggibile.", "{count} post non hanno account o orario leggibile."),
    },
    "campaign-dropped": {
        "en": ("{count} row was left out: no text, or not as wide as the head.", "{count} rows were left out: no text, or not as wide as the head."),
        "it": (
            "{count} riga è stata tralasciata: senza testo o di larghezza diversa.",
            "{count} righe sono state tralasciate: senza testo o di larghezza diversa.",
        ),
    },
    "campaign-part-posts": {"en": "Posts", "it": "Post"},
    "campaign-part-repeats": {"en": "What comes again", "it": "Ciò che ritorna"},
    "campaign-part-timing": {"en": "In time with each other", "it": "A tempo tra loro"},
    "campaign-posts": {"en": "Posts", "it": "Post"},
    "campaign-accounts": {"en": "Accounts", "it": "Account"},
    "campaign-first": {"en": "First post (UTC)", "it": "Primo post (UTC)"},
    "campaign-last": {"en": "Last post (UTC)", "it": "Ultimo post (UTC)"},
    "campaign-groups": {"en": "Groups of nearly equal texts", "it": "Gruppi di testi quasi uguali"},
    "campaign-in-groups": {"en": "Posts in them", "it": "Post che ne fanno parte"},
    "campaign-links": {"en": "Links posted more than once", "it": "Link pubblicati più volte"},
    "campaign-tested": {"en": "Pairs of accounts that met at all", "it": "Coppie di account che si sono incontrate"},
    "campaign-pairs": {"en": "Pairs beyond chance", "it": "Coppie oltre il caso"},
    "campaign-evidence-accounts": {
        "en": "Accounts that post in time with others: of their posts the share that did, with a 95 % interval",
        "it": "Account che pubblicano a tempo con altri: la quota dei loro post, con un intervallo al 95 %",
    },
    "campaign-evidence-groups": {"en": "Texts and links that come most often", "it": "Testi e link che ritornano più spesso"},
    "campaign-evidence-days": {"en": "Posts a day, and those of the accounts found", "it": "Post al giorno, e quelli degli account trovati"},
    "campaign-evidence-techniques": {
        "en": "Persuasion techniques in the posts examined (the tool's guess; it errs often, see its card)",
        "it": "Tecniche di persuasione nei post esaminati (stima dello strumento; sbaglia spesso, vedi la scheda)",
    },
    "campaign-evidence-over-time": {
        "en": "The most frequent techniques over time, in percent of the posts examined; periods of at least {fewest} of them",
        "it": "Le tecniche più frequenti nel tempo, in percento dei post esaminati; periodi con almeno {fewest} di essi",
    },
    "campaign-evidence-periods": {
        "en": "The same as numbers, each with the posts it stands on; periods of at least {fewest}",
        "it": "Lo stesso in numeri, ciascuno con i post su cui poggia; periodi con almeno {fewest}",
    },
    "campaign-evidence-others": {
        "en": "The most active other accounts: nothing here says that they act with anybody",
        "it": "Gli altri account più attivi: nulla qui dice che agiscano con qualcuno",
    },
    "campaign-part-techniques": {"en": "Persuasion techniques", "it": "Tecniche di persuasione"},
    "campaign-different": {"en": "Different texts", "it": "Testi diversi"},
    "campaign-drawn": {"en": "Of them drawn by chance and read", "it": "Di essi estratti a sorte e letti"},
    "campaign-cannot-say-texts": {
        "en": "Of those read, texts of which nothing can be said (too short, not English)",
        "it": "Di quelli letti, testi di cui non si può dire nulla (troppo brevi, non inglesi)",
    },
    "campaign-examined-posts": {"en": "Posts examined", "it": "Post esaminati"},
    "campaign-technique": {"en": "Technique", "it": "Tecnica"},
    "campaign-of-examined": {"en": "Of the posts examined", "it": "Dei post esaminati"},
    "campaign-percent": {"en": "{share:.0%}", "it": "{share:.0%}"},
    "campaign-machine": {"en": "Written by a machine?", "it": "Scritto da una macchina?"},
    "campaign-machine-cannot-say": {"en": "cannot say", "it": "non si può dire"},
    "campaign-machine-score": {
        "en": ("{probability:.0%} by {count} post", "{probability:.0%} by {count} posts"),
        "it": ("{probability:.0%} da {count} post", "{probability:.0%} da {count} post"),
    },
    "campaign-kind": {"en": "What", "it": "Che cosa"},
    "campaign-kind-text": {"en": "text", "it": "testo"},
    "campaign-kind-link": {"en": "link", "it": "link"},
    "campaign-of-found": {"en": "Of them in a set", "it": "Di essi in un gruppo"},
    "campaign-first-poster": {"en": "First posted by", "it": "Pubblicato per primo da"},
    "campaign-spread": {"en": "From first to last", "it": "Dal primo all'ultimo"},
    "campaign-hours": {"en": "{hours:.1f} h", "it": "{hours:.1f} h"},
    "campaign-hour": {"en": "Hour", "it": "Ora"},
    "campaign-week": {"en": "Week", "it": "Settimana"},
    "campaign-rank": {"en": "No.", "it": "N."},
    "campaign-account": {"en": "Account", "it": "Account"},
    "campaign-set": {"en": "Set", "it": "Gruppo"},
    "campaign-partners": {"en": "In time with", "it": "A tempo con"},
    "campaign-share": {"en": "Share of its posts", "it": "Quota dei suoi post"},
    "campaign-share-of": {"en": "{share:.0%} ({low:.0%} to {high:.0%})", "it": "{share:.0%} (da {low:.0%} a {high:.0%})"},
    "campaign-example": {"en": "One of them", "it": "Uno di essi"},
    "campaign-day": {"en": "Day", "it": "Giorno"},
    "campaign-all": {"en": "All posts", "it": "Tutti i post"},
    "campaign-theirs": {"en": "Of the accounts found", "it": "Degli account trovati"},
}
CARD = {
    "version": "1",
    "licence": "Apache-2.0",
    "source": "detectors/campaign (after Pacheco et al., ICWSM 2021; interval jitter after Amarasingham et al. 2012)",
    "preprocessing": {"text": "UTF-8 or UTF-16; composed (NFKC), small letters, without links, mentions and invisible characters; digits are alike"},
    "thresholds": {"window_s": 60, "jitter_s": 1800, "least_meetings": 3, "overlap": 0.4, "false_share": 0.01, "alike": 0.7},
    "data": "thresholds chosen on five sets made by detectors/attacks/campaigns.py (seeds 1 to 5) from the texts of TweepFake; none of it is shipped",
    "metrics": {
        "made-up sets of seeds 31 to 35, accounts pooled (Clopper and Pearson)": {
            "precision": {"value": 1.0, "low": 0.982, "high": 1.0},
            "recall": {"value": 1.0, "low": 0.982, "high": 1.0},
            "fan_club_named": {"value": 0.0, "low": 0.0, "high": 0.018},
        }
    },
    "limits": "Made-up campaigns only: no labelled real one was at hand. It finds accounts that post the same within a minute again and again; "
    "slower, or fully reworded, campaigns are missed.",
}
