using System.Diagnostics.CodeAnalysis;
using Platter.Blocks;
using Platter.Fuzz.Mutation;

namespace Platter.Fuzz.Targets;

/// <summary>Journals beside an image, after a crash at any point: what a whole one holds is brought home, a broken one does nothing or is
/// refused; looking without writing shows the same.</summary>
internal sealed class JournalTarget : FuzzTarget
{
    private const int MostBytes = 8 << 20;

    private readonly List<Crash> _crashes = [];

    /// <summary>What a crash left: the image as it was before and would be after, the image and the journal as they lie there.</summary>
    private sealed record Crash(byte[] Before, byte[]? After, byte[] Image, byte[] Journal);

    public override string Name => "journal";

    public override void Prepare()
    {
        foreach (var length in new[] { 1000, 4096, 100_000, 300_000 })
        {
            foreach (var grown in new[] { 0, 5000, -700, 100_000 })
            {
                for (var homeWrites = 0; homeWrites < 3; homeWrites++)
                    _crashes.Add(Make(length, length + grown, homeWrites));
            }
            _crashes.Add(Make(length, length + 20_000, homeWrites: -1));
        }
    }

    public override bool Run(Dice dice)
    {
        var crash = dice.Pick(_crashes);
        var journal = crash.Journal.ToArray();
        var image = (dice.Next(4) switch { 0 => crash.Before, 1 => crash.After ?? crash.Image, _ => crash.Image }).ToArray();
        var mutated = !dice.OneIn(8);
        var signed = mutated && dice.OneIn(2);
        if (mutated)
            journal = JournalMutator.Mutate(journal, dice, signed);
        var foreign = dice.OneIn(6);
        if (foreign)
            image = Spoil(image, dice);

        var viewed = View(image, journal, dice);
        var home = new BoundedDevice(image, MostBytes);
        var store = new KeptJournal(journal);
        var recovered = Try(() => JournalRecovery.Recover(home, store));
        if (recovered)
            Expect(!store.IsThere, "a journal that was dealt with is gone");
        if (viewed is not null || recovered)
            Expect(recovered && viewed is not null && viewed.AsSpan().SequenceEqual(home.Content), "looking shows what recovering makes");
        if (!mutated && !foreign)
            Expect(recovered && home.Content.SequenceEqual(crash.After ?? crash.Before), "a whole journal is replayed, an unfinished transaction undone");
        if (recovered && !signed && !foreign)
            Expect(image.AsSpan().StartsWith(home.Content) || home.Content.SequenceEqual(crash.Before) || home.Content.SequenceEqual(crash.After), "recovery makes the old state or the new one, or leaves the image but for its length");
        if (recovered)
            Use(home, dice);
        return recovered;
    }

    private static byte[]? View(byte[] image, byte[] journal, Dice dice)
    {
        byte[]? seen = null;
        Try(() =>
        {
            var store = new KeptJournal(journal);
            using var view = JournalRecovery.View(new BoundedDevice(image, MostBytes), store);
            if (view.Length > MostBytes)
                throw new IOException("longer than this test can hold");
            var bytes = new byte[view.Length];
            view.Read(0, bytes);
            foreach (var range in view.AllocatedRanges())
                Expect(range.Length > 0 && range.End <= view.Length, "allocated ranges are within the device");
            if (view.Length > 0)
                view.Read(dice.NextLong(view.Length), new byte[1]);
            seen = bytes;
        });
        return seen;
    }

    // Whatever it was, it can be edited now.
    private static void Use(BoundedDevice home, Dice dice)
    {
        using var device = TransactionDevice.Open(home, new MemoryJournalStore());
        if (device.Length == 0)
            return;
        var data = new byte[1 + dice.Next((int)Math.Min(device.Length, 9000))];
        dice.Fill(data);
        var at = dice.NextLong(device.Length - data.Length + 1);
        device.Write(at, data);
        device.Flush();
        Expect(home.Content.Slice((int)at, data.Length).SequenceEqual(data), "what was committed is in the image");
    }

    private static byte[] Spoil(byte[] image, Dice dice)
    {
        if (dice.OneIn(3))
            return image[..dice.Next(image.Length)];
        for (var left = dice.Between(1, 20); left > 0 && image.Length > 0; left--)
            image[dice.Next(image.Length)] ^= (byte)(1 << dice.Next(8));
        return image;
    }

    // A transaction that ends in the middle of its way home; or, with -1, before its commit.
    private static Crash Make(int length, int lengthAfter, int homeWrites)
    {
        var random = new Random(length * 31 + lengthAfter + homeWrites);
        var before = new byte[length];
        random.NextBytes(before);
        var after = before.ToArray();
        Array.Resize(ref after, lengthAfter);
        var home = new BoundedDevice(before, MostBytes);
        var store = new KeptJournal();
        var device = TransactionDevice.Open(home, store);
        device.SetLength(lengthAfter);
        for (var i = 0; i < 6; i++)
        {
            var data = new byte[random.Next(1, Math.Min(lengthAfter, 9000))];
            random.NextBytes(data);
            var at = random.Next(lengthAfter - data.Length);
            device.Write(at, data);
            data.CopyTo(after, at);
        }
        if (lengthAfter > 200_000)
        {
            device.WriteZeros(8192, 100_000);
            after.AsSpan(8192, 100_000).Clear();
        }
        if (homeWrites < 0)
            return new Crash(before, null, home.Content.ToArray(), store.Content);
        home.WritesLeft = homeWrites;
        try
        {
            device.Flush();
            before = after;
        }
        catch (IOException)
        {
            // As meant.
        }
        return new Crash(before, after, home.Content.ToArray(), store.Content);
    }

    /// <summary>An image that refuses to grow beyond what a test can hold, and to be written after so many writes.</summary>
    private sealed class BoundedDevice(byte[] content, int most) : ResizableDevice
    {
        private byte[] _bytes = content.ToArray();

        public int WritesLeft { get; set; } = int.MaxValue;
        public ReadOnlySpan<byte> Content => _bytes;
        public override long Length => _bytes.Length;
        public override bool CanWrite => true;

        public override void Flush()
        {
            // Memory has no medium behind it.
        }

        protected override void ReadCore(long offset, Span<byte> buffer) => _bytes.AsSpan((int)offset, buffer.Length).CopyTo(buffer);

        protected override void WriteCore(long offset, ReadOnlySpan<byte> data)
        {
            if (WritesLeft-- <= 0)
                throw new IOException("the power is off");
            data.CopyTo(_bytes.AsSpan((int)offset));
        }

        protected override void SetLengthCore(long length)
        {
            if (length > most)
                throw new IOException($"{length} bytes are more than this medium has");
            Array.Resize(ref _bytes, (int)length);
        }
    }

    [SuppressMessage("Design", "CA1001", Justification = "The journal stands for a file: it stays when its users are through, and memory needs no closing.")]
    private sealed class KeptJournal : JournalStore
    {
        private ResizableMemoryDevice? _journal;

        public KeptJournal(byte[]? content = null) => _journal = content is null ? null : new ResizableMemoryDevice(content.ToArray());

        public bool IsThere => _journal is not null;
        public byte[] Content => _journal?.Bytes.ToArray() ?? [];
        public override string Name => "image.platter-journal";

        public override ResizableDevice? Open(bool write) => _journal;

        public override ResizableDevice Create() => _journal = new ResizableMemoryDevice(0);

        public override void Remove() => _journal = null;

        public override void MakeNameDurable()
        {
            // Memory has no medium behind it.
        }
    }
}
