"""The links to the modules that RabbitMQ loads."""

from pathlib import Path

from shipmate.emulator.erlang_modules import link_modules

RABBIT = '{application, rabbit,\n [{vsn, "3"},\n  {applications, [kernel, stdlib,\n    ra, ssl, missing]}]}.'


def install(libraries: Path, name: str, *modules: str, text: str | None = None) -> None:
    """Install an application, with a version in the name of its folder."""
    folder = libraries / f"{name}-1.0" / "ebin"
    folder.mkdir(parents=True)
    (folder / f"{name}.app").write_text(text or f"{{application,{name},[]}}.")
    for module in modules:
        (folder / f"{module}.beam").touch()


def test_the_modules_of_all_needed_applications_are_linked(tmp_path: Path) -> None:
    """Those of plugins are not, nor those of Erlang that are found first anyway; what is missing is not looked for."""
    plugins, erlang, links = tmp_path / "plugins", tmp_path / "erlang", tmp_path / "links"
    install(plugins, "rabbit", "rabbit", "rabbit_queue", text=RABBIT)
    install(plugins, "ra", "ra", text="{application,ra,[{applications,[gen_batch]}]}.")
    install(plugins, "gen_batch", "gen_batch_server")
    install(plugins, "management", "management")
    install(erlang, "ssl", "ssl", text="{application,ssl,[{applications,[ra]}]}.")
    install(erlang, "kernel", "code")
    install(erlang, "stdlib", "lists")
    link_modules("rabbit", (plugins, erlang, tmp_path / "nowhere"), links)
    names = ["gen_batch_server", "ra", "rabbit", "rabbit_queue", "ssl"]
    assert sorted(each.stem for each in links.iterdir()) == names
    assert (links / "ra.beam").resolve() == plugins / "ra-1.0" / "ebin" / "ra.beam"
