/** How much of a SIP message from outside is taken in; design.md section 6. All in octets or pieces. */
export const LIMITS = {
  messageOctets: 65_536,
  headerFields: 256,
  /** One physical line, its line end not counted. */
  lineOctets: 8_192,
  /** One header field with all its continuation lines. */
  fieldOctets: 32_768,
} as const;
