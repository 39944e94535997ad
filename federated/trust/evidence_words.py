"""What the verifier of evidence packs reports, in English and Italian."""

from __future__ import annotations

from detectors import messages

messages.declare(
    {
        "pack-no-zip": {"en": "This is no evidence pack: it is no ZIP file.", "it": "Questo non è un pacchetto di prove: non è un file ZIP."},
        "pack-cut-off": {
            "en": "The file is cut off: a ZIP begins here and its end is missing. Copy or download it again.",
            "it": "Il file è troncato: qui comincia uno ZIP e manca la fine. Copialo o scaricalo di nuovo.",
        },
        "pack-no-pack": {
            "en": "This ZIP is no evidence pack of Specola: it does not hold one folder with a bag, a manifest and a seal.",
            "it": "Questo ZIP non è un pacchetto di prove di Specola: non contiene una sola cartella con un bag, un manifesto e un sigillo.",
        },
        "pack-too-many": {
            "en": "The ZIP lists {count} files; a pack has {most} at most.",
            "it": "Lo ZIP elenca {count} file; un pacchetto ne ha al massimo {most}.",
        },
        "pack-bomb": {
            "en": "Unpacked, the files would be larger than {megabytes:,} MB: not read. A large pack is checked with the command instead.",
            "it": "Estratti, i file supererebbero {megabytes:,} MB: non letti. Un pacchetto grande si controlla con il comando.",
        },
        "pack-too-large": {"en": "{name} is larger than {megabytes:,} MB: not read.", "it": "{name} supera {megabytes:,} MB: non letto."},
        "pack-unsafe-name": {
            "en": "A file's name leads out of the pack or holds signs that deceive: {name}. Nothing was read.",
            "it": "Il nome di un file porta fuori dal pacchetto o contiene segni che ingannano: {name}. Non è stato letto nulla.",
        },
        "pack-link": {"en": "{name} is a link, not a file. Nothing was read.", "it": "{name} è un collegamento, non un file. Non è stato letto nulla."},
        "pack-encrypted": {"en": "{name} is encrypted: a pack is not.", "it": "{name} è cifrato: un pacchetto non lo è."},
        "pack-double-name": {
            "en": "Two files have the name {name}: nobody can tell which one is meant.",
            "it": "Due file si chiamano {name}: non si può sapere quale sia quello giusto.",
        },
        "pack-overlap": {
            "en": "Files of the ZIP share bytes ({name}): a ZIP bomb. Nothing was read.",
            "it": "I file dello ZIP condividono dei byte ({name}): una bomba ZIP. Non è stato letto nulla.",
        },
        "pack-polyglot": {
            "en": "Before the ZIP stand bytes of another file: it is two files in one, and a pack is not.",
            "it": "Prima dello ZIP ci sono byte di un altro file: sono due file in uno, e un pacchetto non lo è.",
        },
        "pack-bag": {"en": "The layout is a bag (RFC 8493): {info}.", "it": "La struttura è un bag (RFC 8493): {info}."},
        "pack-bag-wrong": {
            "en": "The layout is no bag (RFC 8493): {name} is missing or not as it must be.",
            "it": "La struttura non è un bag (RFC 8493): {name} manca o non è come dovrebbe.",
        },
        "pack-files": {
            "en": ("{count} file has the hash that the manifest lists.", "{count} files have the hashes that the manifest lists."),
            "it": ("{count} file ha l'impronta elencata nel manifesto.", "{count} file hanno le impronte elencate nel manifesto."),
        },
        "pack-file-changed": {
            "en": "{name} was changed: at least one byte is not as it was packed.",
            "it": "{name} è stato modificato: almeno un byte non è com'era nel pacchetto.",
        },
        "pack-file-missing": {"en": "{name} is missing: the manifest lists it.", "it": "{name} manca: il manifesto lo elenca."},
        "pack-file-extra": {"en": "{name} was added: no manifest lists it.", "it": "{name} è stato aggiunto: nessun manifesto lo elenca."},
        "pack-seal-missing": {
            "en": "The seal (seal.json) is missing or cannot be read: nothing vouches for the manifest.",
            "it": "Il sigillo (seal.json) manca o non si legge: nulla garantisce il manifesto.",
        },
        "pack-seal-broken": {
            "en": "The seal was changed: its signature does not belong to what it states.",
            "it": "Il sigillo è stato modificato: la firma non appartiene a ciò che dichiara.",
        },
        "pack-manifest-sealed": {"en": "The manifest is the one that was signed.", "it": "Il manifesto è quello firmato."},
        "pack-manifest-other": {
            "en": "The manifest is not the one that was signed: the list of files was written anew.",
            "it": "Il manifesto non è quello firmato: l'elenco dei file è stato riscritto.",
        },
        "pack-key-own": {"en": "Signed with the expected key, fingerprint {fingerprint}.", "it": "Firmato con la chiave attesa, impronta {fingerprint}."},
        "pack-key-foreign": {
            "en": "Signed with a foreign key: its fingerprint is {fingerprint}, expected was {expected}. Whoever made this pack, "
            "it was not the holder of the expected key.",
            "it": "Firmato con una chiave estranea: la sua impronta è {fingerprint}, attesa era {expected}. Chiunque abbia fatto "
            "questo pacchetto, non è il titolare della chiave attesa.",
        },
        "pack-key-open": {
            "en": "Signed with the key that the pack itself names, fingerprint {fingerprint}. Whose key it is was not checked: "
            "compare the fingerprint with the portal's keeper.",
            "it": "Firmato con la chiave che il pacchetto stesso indica, impronta {fingerprint}. Di chi sia la chiave non è "
            "stato controllato: confronta l'impronta con chi custodisce il portale.",
        },
        "pack-custody": {
            "en": (
                "Custody: {count} row, unchanged, in order and complete up to the export.",
                "Custody: {count} rows, unchanged, in order and complete up to the export.",
            ),
            "it": (
                "Custodia: {count} riga, intatta, in ordine e completa fino all'esportazione.",
                "Custodia: {count} righe, intatte, in ordine e complete fino all'esportazione.",
            ),
        },
        "pack-custody-unread": {
            "en": "The custody cannot be read: line {line} is no row of the audit log.",
            "it": "La custodia non si legge: la linea {line} non è una riga del registro.",
        },
        "pack-row-changed": {
            "en": "Custody: row {row} was changed; its hash does not fit its content.",
            "it": "Custodia: la riga {row} è stata modificata; l'impronta non corrisponde al contenuto.",
        },
        "pack-row-order": {
            "en": "Custody: row {row} stands after row {before}; the order was changed.",
            "it": "Custodia: la riga {row} sta dopo la riga {before}; l'ordine è stato cambiato.",
        },
        "pack-tail-missing": {
            "en": "Custody: the end is missing. It stops at row {last}, and it was sealed up to row {sealed}.",
            "it": "Custodia: manca la fine. Si ferma alla riga {last}, ed era sigillata fino alla riga {sealed}.",
        },
        "pack-row-missing": {"en": "Custody: row {row} was taken out.", "it": "Custodia: la riga {row} è stata tolta."},
        "pack-row-added": {
            "en": "Custody: row {row} was added; it was not there when the pack was sealed.",
            "it": "Custodia: la riga {row} è stata aggiunta; non c'era quando il pacchetto fu sigillato.",
        },
        "pack-chain": {
            "en": "The custody's rows stand in the audit log's chain of hashes, rows {first} to {last}, up to the head that the portal signed.",
            "it": "Le righe della custodia stanno nella catena di impronte del registro, righe da {first} a {last}, fino alla testa firmata dal portale.",
        },
        "pack-chain-broken": {
            "en": "The chain of hashes does not fit at row {row}: the custody is not the one of the audit log that was signed.",
            "it": "La catena di impronte non corrisponde alla riga {row}: la custodia non è quella del registro firmato.",
        },
        "pack-chain-absent": {
            "en": "The chain of hashes between the custody's rows was too long to come along: only the rows themselves were checked.",
            "it": "La catena di impronte tra le righe della custodia era troppo lunga per essere inclusa: sono state controllate solo le righe stesse.",
        },
        "pack-chain-others": {
            "en": "What the audit log's other rows say is not in the pack, only their hashes: they concern other people. The "
            "portal's keeper checks them with manage.py verify-audit.",
            "it": "Il contenuto delle altre righe del registro non è nel pacchetto, solo le impronte: riguardano altre persone. "
            "Chi custodisce il portale le controlla con manage.py verify-audit.",
        },
        "pack-inputs": {
            "en": ("{count} input is the file that the custody records as received.", "{count} inputs are the files that the custody records as received."),
            "it": (
                "{count} file esaminato è quello che la custodia registra come arrivato.",
                "{count} file esaminati sono quelli che la custodia registra come arrivati.",
            ),
        },
        "pack-inputs-none": {
            "en": "The files that came in are not in the pack, so they were not checked: they hold names of people. data/case.json has their sha256.",
            "it": "I file arrivati non sono nel pacchetto e non sono stati controllati: contengono nomi di persone. data/case.json ne riporta lo sha256.",
        },
        "pack-input-foreign": {
            "en": "{name} is not a file that the custody records as received.",
            "it": "{name} non è un file che la custodia registra come arrivato.",
        },
        "pack-witness": {
            "en": ("An agent's own file confirms the chain at {count} row.", "An agent's own file confirms the chain at {count} rows."),
            "it": ("Il file di un agente conferma la catena in {count} riga.", "Il file di un agente conferma la catena in {count} righe."),
        },
        "pack-witness-contradicts": {
            "en": "An agent's own file contradicts the chain at row {row}: the audit log was written anew.",
            "it": "Il file di un agente contraddice la catena alla riga {row}: il registro è stato riscritto.",
        },
        "pack-witness-none": {
            "en": "No agent's file was compared with the chain of hashes.",
            "it": "Nessun file di un agente è stato confrontato con la catena di impronte.",
        },
        "pack-stamp": {
            "en": "Time stamp (RFC 3161) of {time} UTC, by an authority below the given root.",
            "it": "Marca temporale (RFC 3161) del {time} UTC, di un'autorità sotto la radice indicata.",
        },
        "pack-stamp-open": {
            "en": "Time stamp (RFC 3161) over this seal, stating {time} UTC. Whose it is was not checked: that needs the authority's root certificate.",
            "it": "Marca temporale (RFC 3161) su questo sigillo, che dichiara {time} UTC. Di chi sia non è stato controllato: "
            "serve il certificato radice dell'autorità.",
        },
        "pack-stamp-other": {
            "en": "The time stamp was replaced: it was made over something else than this seal.",
            "it": "La marca temporale è stata sostituita: è stata fatta su altro, non su questo sigillo.",
        },
        "pack-stamp-late": {
            "en": "The time stamp was replaced: it states {time} UTC, and the pack was sealed at {sealed} UTC.",
            "it": "La marca temporale è stata sostituita: dichiara {time} UTC, e il pacchetto è stato sigillato alle {sealed} UTC.",
        },
        "pack-stamp-foreign": {
            "en": "The time stamp is not of an authority below the given root, or is damaged.",
            "it": "La marca temporale non è di un'autorità sotto la radice indicata, o è danneggiata.",
        },
        "pack-stamp-missing": {
            "en": "The time stamp is missing: the seal says that one was asked for.",
            "it": "La marca temporale manca: il sigillo dice che era stata chiesta.",
        },
        "pack-stamp-unavailable": {
            "en": "There is no time stamp: the authority did not answer when the pack was made. Its time is the portal's own word.",
            "it": "Non c'è marca temporale: l'autorità non ha risposto quando il pacchetto è stato fatto. L'ora è solo parola del portale.",
        },
        "pack-stamp-none": {
            "en": "There is no time stamp: this portal asks no authority. The pack's time is the portal's own word.",
            "it": "Non c'è marca temporale: questo portale non si rivolge a nessuna autorità. L'ora del pacchetto è solo parola del portale.",
        },
        "pack-stamp-unread": {
            "en": "The time stamp was not checked: the package rfc3161-client is not installed here.",
            "it": "La marca temporale non è stata controllata: qui manca il pacchetto rfc3161-client.",
        },
        "pack-truth": {
            "en": "Whether the findings are right cannot be checked here: the detectors' cards in the pack state how often they err.",
            "it": "Se i risultati siano giusti qui non si può controllare: le schede dei rilevatori nel pacchetto dicono quanto spesso sbagliano.",
        },
    }
)
