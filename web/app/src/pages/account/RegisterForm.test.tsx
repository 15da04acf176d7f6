import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import { RegisterForm } from "./RegisterForm";

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const press = () => fireEvent.submit(screen.getByRole("button", { name: "Create channel" }).closest("form")!);

it("tells every mistake at once, by field and in a summary, and goes to the first", () => {
  const register = vi.spyOn(api, "register");
  render(<RegisterForm onDone={() => undefined} />);
  type("Username", "patch bay");
  type("Password", "short");
  press();
  expect(screen.getByRole("alert").textContent).toContain("Two things need another look.");
  const name = screen.getByLabelText("Username");
  expect(name.getAttribute("aria-invalid")).toBe("true");
  expect(document.getElementById(name.getAttribute("aria-describedby")!)!.textContent).toContain("No spaces here.");
  expect(document.activeElement).toBe(name);
  expect(register).not.toHaveBeenCalled();
});

it("offers a name that works", () => {
  render(<RegisterForm onDone={() => undefined} />);
  type("Username", "patch bay");
  fireEvent.blur(screen.getByLabelText("Username"));
  fireEvent.click(screen.getByRole("button", { name: "Use patch-bay" }));
  expect((screen.getByLabelText("Username") as HTMLInputElement).value).toBe("patch-bay");
  expect(screen.getByLabelText("Username").hasAttribute("aria-invalid")).toBe(false);
});

it("hands the new person on", async () => {
  const user = { username: "okko", createdAt: "" };
  vi.spyOn(api, "register").mockResolvedValue({ user });
  const done = vi.fn();
  render(<RegisterForm onDone={done} />);
  type("Username", "okko");
  type("Password", "oscillate4");
  press();
  await waitFor(() => expect(done).toHaveBeenCalledWith(user));
});

it("puts the server's refusal on the field it is about", async () => {
  vi.spyOn(api, "register").mockRejectedValue(
    new ApiError(409, "This username is taken.", { username: "This username is taken." }),
  );
  render(<RegisterForm onDone={() => undefined} />);
  type("Username", "okko");
  type("Password", "oscillate4");
  press();
  await waitFor(() => expect(screen.getByLabelText("Username").getAttribute("aria-invalid")).toBe("true"));
  expect(screen.getByRole("alert").textContent).toContain("This username is taken.");
});
