import { House, LayoutDashboard, LogIn, Radio, UserPlus } from "lucide-react";
import { Link, useAddress } from "../router/router";
import { useAccount } from "../session/session";

/** Navigation under the thumb, on phones. */
export function TabBar() {
  const { user } = useAccount();
  const { pathname } = useAddress();
  const tabs = [
    { href: "/", text: "Home", Icon: House },
    ...(user
      ? [
          { href: `/c/${user.username}`, text: "Your channel", Icon: Radio },
          { href: "/dashboard", text: "Dashboard", Icon: LayoutDashboard },
        ]
      : [
          { href: "/register", text: "Create a channel", Icon: UserPlus },
          { href: "/signin", text: "Sign in", Icon: LogIn },
        ]),
  ];
  return (
    <nav className="tabbar" aria-label="Main, at the bottom">
      {tabs.map(({ href, text, Icon }) => (
        <Link key={href} href={href} aria-current={pathname === href ? "page" : undefined}>
          <Icon className="i i-lg" />
          {text}
        </Link>
      ))}
    </nav>
  );
}
