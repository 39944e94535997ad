"""When something has happened: a rule kind is one file of this folder with one decorated class, and everything else finds it.

    @rule_kind(
        "loitering",                                        # also the kind of its events
        label={"en": "Somebody stays", "it": "Qualcuno si trattiene"},
        event={"en": "Loitering", "it": "Sosta prolungata"},
        about="zone",
        numbers=(after(30, 1, 7200, 1),),
    )
    class LoiteringRule:
        def __init__(self, config: CameraRule) -> None: ...     # config.values holds every number of the kind, within its limits
        def step(self, view: SceneView) -> list[RuleFinding]: ...
        def reset(self) -> None: ...                            # forget all tracks and times: the source has begun anew

From there it is in the camera's page of the portal, in the check of what is drawn, among the labels and filters of alerts, in what an erased person is
looked for, and in the agent's engine. Rules know nothing but frame time and findings, so that the same findings always lead to the same events: the
portal can play them again.
"""
