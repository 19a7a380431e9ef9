import sharp from "sharp";

export const dynamic = "force-dynamic";

export default async function Page() {
  const red = { width: 2, height: 2, channels: 3, background: "red" };
  const { format } = await sharp(await sharp({ create: red }).png().toBuffer()).metadata();
  return <p>{`${process.arch} ${format}`}</p>;
}
