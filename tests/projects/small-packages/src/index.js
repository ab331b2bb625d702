import { addDays, differenceInCalendarDays, format, formatISO9075, parseISO } from "date-fns";
import { customAlphabet, nanoid } from "nanoid";
import { v4, v5, validate } from "uuid";

const hex = customAlphabet("0123456789abcdef", 12);

export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ids") {
      const ids = new Set(Array.from({ length: 200 }, () => nanoid()));
      return Response.json({
        distinct: ids.size,
        lengths: [...new Set([...ids].map((id) => id.length))],
        hex: /^[0-9a-f]{12}$/.test(hex()),
        uuid: validate(v4()),
        named: v5("selvedge", v5.URL),
      });
    }
    const day = parseISO("2024-02-27T12:00:00Z");
    return Response.json({
      later: format(addDays(day, 3), "yyyy-MM-dd"),
      between: differenceInCalendarDays(parseISO("2024-03-01"), parseISO("2024-02-01")),
      sql: formatISO9075(day, { representation: "date" }),
    });
  },
};
