// Random reads of 4 KiB through containers of the same disk: RandomReads RAW IMAGE...
// Prints, for each, the fastest of five rounds, and its share of the first one's time.
using System.Diagnostics;
using System.Globalization;
using Platter.Images;

const int reads = 50_000, size = 4096, rounds = 5;
var best = new double[args.Length];
Array.Fill(best, double.MaxValue);
var buffer = new byte[size];
for (var round = 0; round < rounds; round++)
{
    // In turns, so that a busy moment hits all of them.
    for (var i = 0; i < args.Length; i++)
    {
        using var image = ImageFile.Open(args[i], ImageAccess.Read);
        using var first = ImageFile.Open(args[0], ImageAccess.Read);
        var ranges = first.Device.AllocatedRanges().Where(r => r.Length >= size).ToList();
        var random = new Random(1);
        var clock = Stopwatch.StartNew();
        for (var n = 0; n < reads; n++)
        {
            var range = ranges[random.Next(ranges.Count)];
            image.Device.Read(range.Offset + random.NextInt64((range.Length - size) / size + 1) * size, buffer);
        }
        best[i] = Math.Min(best[i], clock.Elapsed.TotalMicroseconds / reads);
    }
}
Console.WriteLine("| image | a read of 4 KiB | of raw |\n|---|---:|---:|");
for (var i = 0; i < args.Length; i++)
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {args[i]} | {best[i]:F2} us | {best[i] / best[0]:F2} |"));
