"""Uploads by a form: streamed, added as a task, and what is refused."""

import base64

import pytest
from plugins.web.page_forms import HTML, finish, form_token, send, wait_for_task

from debrepo.testing.packages import build_deb


@pytest.fixture
def tools(session):
    session.call("repo.create", name="tools")


def files(*paths):
    return [("file", (path.name, path.read_bytes())) for path in paths]


def names(session):
    packages = session.call("repo.show", name="tools", with_packages=True).packages
    return [key.name for key in packages]


def left(session):
    area = session.root / "upload"
    return [path for path in area.rglob("*") if path.is_file()] if area.exists() else []


def test_files_are_added_and_the_page_goes_on_to_the_repository(api, session, tools, tmp_path):
    debs = [build_deb(tmp_path, name) for name in ("hello", "world")]
    answer = send(api, "/web/repos/tools/upload", files=files(*debs))
    assert answer.status_code == 303
    task = wait_for_task(api, answer)
    assert task.name == "Add 2 files to repository tools"
    assert task.output.splitlines()[-3:-1] == ["added: hello_1.0_amd64", "added: world_1.0_amd64"]
    gone = api.get(answer.headers["location"], headers=HTML, follow_redirects=False)
    assert gone.headers["location"] == "/web/repos/tools"
    assert names(session) == ["hello", "world"]
    assert left(session) == []


def test_script_is_told_where_the_task_is(api, session, tools, tmp_path):
    headers = {"Accept": "application/json", "X-Form-Token": form_token(api)}
    path = "/web/repos/tools/upload"
    answer = api.post(path, files=files(build_deb(tmp_path)), headers=headers)
    assert answer.json() == {"next": "/web/tasks/1?next=%2Fweb%2Frepos%2Ftools"}
    api.get("/api/tasks/1/wait")
    assert names(session) == ["hello"]


def test_what_is_no_package_is_said_and_the_rest_is_added(api, session, tools, tmp_path):
    (tmp_path / "notes.txt").write_text("no package")
    (tmp_path / "broken_1_all.deb").write_text("no package")
    paths = [build_deb(tmp_path), tmp_path / "notes.txt", tmp_path / "broken_1_all.deb"]
    page = finish(api, send(api, "/web/repos/tools/upload", files=files(*paths)))
    assert "failed: broken_1_all.deb: " in page.text
    assert "failed: notes.txt: not a package file by its name" in page.text
    assert "2 of 3 could not be added." in page.text
    assert names(session) == ["hello"]
    assert left(session) == []


def test_other_bytes_replace_a_package_only_if_that_is_marked(api, session, tools, tmp_path):
    send(api, "/web/repos/tools/upload", files=files(build_deb(tmp_path)))
    other = build_deb(tmp_path, fields={"Section": "web"})
    refused = wait_for_task(api, send(api, "/web/repos/tools/upload", files=files(other)))
    assert "failed: hello_1.0_amd64.deb" in refused.output
    marked = send(api, "/web/repos/tools/upload", files=files(other), force_replace="1")
    assert "replaced: hello_1.0_amd64" in wait_for_task(api, marked).output


def test_signed_upload_is_included_by_the_rules_of_the_repository(api, session, tools, tmp_path):
    deb = build_deb(tmp_path)
    changes = tmp_path / "hello_1.0_amd64.changes"
    changes.write_text("Format: 1.8\nSource: hello\nVersion: 1.0\nDistribution: stable\n")
    page = finish(api, send(api, "/web/repos/tools/upload", files=files(deb, changes)))
    assert "failed: hello_1.0_amd64.changes" in page.text
    assert names(session) == []
    assert left(session) == []


@pytest.mark.parametrize(
    ("upload", "said"),
    [
        ({"files": [("file", ("", b""))]}, "holds no file"),
        ({"files": [("file", (".hidden", b"x"))]}, "not a place to upload to"),
        ({"files": [("file", ("x" * 300 + ".deb", b"x"))]}, "is too long"),
        ({"data": {"a": "b"}}, "multipart/form-data"),
    ],
)
def test_odd_form_stores_nothing(api, session, tools, upload, said):
    headers = {**HTML, "X-Form-Token": form_token(api)}
    answer = api.post("/web/repos/tools/upload", headers=headers, **upload)
    assert answer.status_code == 400
    assert said in answer.text
    assert left(session) == []
    assert api.get("/api/tasks").json() == []


def test_path_in_the_name_of_a_file_leads_nowhere(api, session, tools, tmp_path):
    deb = build_deb(tmp_path)
    sent = [("file", ("../../../etc/hello_1.0_amd64.deb", deb.read_bytes()))]
    assert "added" in wait_for_task(api, send(api, "/web/repos/tools/upload", files=sent)).output


def test_upload_to_a_repository_that_is_not_there_is_refused_unread(api, session, tmp_path):
    answer = send(api, "/web/repos/none/upload", files=files(build_deb(tmp_path)))
    assert answer.status_code == 404
    assert left(session) == []


def test_form_without_its_token_before_the_files_is_refused(api, session, tools, tmp_path):
    deb = build_deb(tmp_path).read_bytes()
    token = form_token(api)
    for parts in (
        [("file", ("a.deb", deb))],
        [("form_token", (None, "0" * 64)), ("file", ("a.deb", deb))],
        [("file", ("a.deb", deb)), ("form_token", (None, token))],
    ):
        answer = api.post("/web/repos/tools/upload", files=parts, headers=HTML)
        assert answer.status_code == 400
        assert "not sent by a page of this server" in answer.text
    assert left(session) == []


def test_endless_fields_before_the_files_are_refused(api, tools):
    many = [(f"f{number}", (None, "x")) for number in range(50)]
    long = [("form_token", (None, "x" * 100_000))]
    for parts in (many, long):
        sent = [*parts, ("file", ("a.deb", b"x"))]
        answer = api.post("/web/repos/tools/upload", files=sent, headers=HTML)
        assert answer.status_code == 400
        assert "too long" in answer.text


def dropped(window, paths):
    """Drop files on the form, as a person does with the mouse."""
    data = window.evaluate_handle(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                data.items.add(new File([bytes], name));
            }
            return data;
        }""",
        paths,
    )
    for event in ("dragenter", "dragover", "drop"):
        window.dispatch_event("form[data-upload]", event, {"dataTransfer": data})


def test_files_are_dropped_on_the_page_and_shown_in_the_repository(
    serving, session, tools, visit, tmp_path
):
    debs = [build_deb(tmp_path, name) for name in ("hello", "world")]
    window = visit(f"{serving().url}/web/repos/tools")
    dropped(window, [(one.name, base64.b64encode(one.read_bytes()).decode()) for one in debs])
    window.wait_for_url("**/web/repos/tools")
    window.get_by_role("status").filter(has_text="Done: Add 2 files").wait_for()
    assert window.get_by_role("link", name="world", exact=True).is_visible()
    assert names(session) == ["hello", "world"]


def test_files_are_sent_without_a_script(serving, session, tools, visit, tmp_path):
    window = visit(f"{serving().url}/web/repos/tools", java_script_enabled=False)
    window.get_by_label("Package files").set_input_files(build_deb(tmp_path))
    window.get_by_role("button", name="Upload").click()
    window.wait_for_url("**/web/repos/tools")  # the page of the task loads itself again
    assert window.get_by_role("link", name="hello", exact=True).is_visible()


def test_refused_upload_is_said_beside_the_form(serving, session, tools, visit, tmp_path):
    window = visit(f"{serving().url}/web/repos/tools")
    session.call("repo.drop", name="tools")
    window.get_by_label("Package files").set_input_files(build_deb(tmp_path))
    window.get_by_role("button", name="Upload").click()
    window.get_by_text("no repository called tools").wait_for()
    assert window.get_by_role("button", name="Upload").is_enabled()
