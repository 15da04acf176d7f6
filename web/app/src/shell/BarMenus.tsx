import { LayoutDashboard, LogOut, Monitor, Moon, Radio, Sun, UsersRound } from "lucide-react";
import type { ReactElement } from "react";
import type { User } from "../api/types";
import { go } from "../router/router";
import { useAccount } from "../session/session";
import { type Theme, setTheme, useTheme } from "../theme/theme";
import { Menu, MenuChoices, MenuHead, MenuItem, MenuLine } from "../ui/menu";

export interface LateMenuProps {
  trigger: ReactElement;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

const themes = [
  { value: "system", icon: <Monitor className="i" />, text: "As the system" },
  { value: "light", icon: <Sun className="i" />, text: "Light" },
  { value: "dark", icon: <Moon className="i" />, text: "Dark" },
] as const;

export function ThemeMenu(props: LateMenuProps) {
  const theme = useTheme();
  return (
    <Menu label="Theme" {...props}>
      <MenuChoices<Theme> value={theme} onChange={setTheme} choices={themes} />
    </Menu>
  );
}

export function AccountMenu({ user, ...props }: LateMenuProps & { user: User }) {
  const { signOut } = useAccount();
  const leave = async () => {
    await signOut();
    go("/");
  };
  return (
    <Menu label="Your account" {...props}>
      <MenuHead title={user.username} detail="Signed in" />
      <MenuItem icon={<Radio className="i" />} onSelect={() => go(`/c/${user.username}`)}>
        Your channel
      </MenuItem>
      <MenuItem icon={<LayoutDashboard className="i" />} onSelect={() => go("/dashboard")}>
        Dashboard
      </MenuItem>
      <MenuItem icon={<UsersRound className="i" />} onSelect={() => go("/studio")}>
        Studio
      </MenuItem>
      <MenuLine />
      <MenuItem icon={<LogOut className="i" />} onSelect={() => void leave()}>
        Sign out
      </MenuItem>
    </Menu>
  );
}
